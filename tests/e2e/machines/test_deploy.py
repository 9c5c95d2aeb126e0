"""A deployment during an import: all programs are restarted, and the import completes automatically."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from cli.stack.layout import Layout
from cli.stack.stack import start_all, stop_all
from orders_pipeline.imports.import_row import list_imports
from orders_pipeline.imports.state.progress import ImportProgress, progress_of
from orders_pipeline.store.engine import reading
from tests.chaos.home import ChaosHome, chaos_home, wait_until_settled
from tests.import_bench import many_orders, write_orders

ORDERS = 400


def progress(home: ChaosHome) -> ImportProgress | None:
    with reading(home.engine) as connection:
        found = list_imports(connection, 1)
        return progress_of(connection, found[0].id) if found else None


@pytest.mark.timeout(1500)
def test_an_import_goes_on_after_down_and_up_and_loses_nothing(tmp_path: Path) -> None:
    with chaos_home(tmp_path / "deploy", "sqlite", "redis") as home:
        home.launch(write_orders(tmp_path / "deploy.csv", many_orders(ORDERS, "deploy")))
        while (seen := progress(home)) is None or not seen.reserved:
            time.sleep(0.05)
        assert stop_all(home.settings)
        stopped = progress(home)
        assert stopped is not None
        assert stopped.settled < ORDERS
        start_all(home.settings)
        assert wait_until_settled(home, 1, seconds=600) is not None
        assert home.broken_checks() == []
        finished = progress(home)
        assert finished is not None
        assert finished.settled == ORDERS
        ended = [line for line in worker_lines(home) if line["message"] == "step ended"]
        assert all({"file", "batch", "run_id", "step", "outcome", "seconds"} <= line.keys() for line in ended)
        assert {line["outcome"] for line in ended} >= {"done"}


def worker_lines(home: ChaosHome) -> list[dict[str, Any]]:
    lines = Layout(home.settings.home).log("worker-orders").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]
