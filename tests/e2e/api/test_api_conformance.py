"""The HTTP API against its own description: valid and invalid requests, generated from OpenAPI."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from orders_pipeline.base.model import Window
from orders_pipeline.base.settings import Settings
from orders_pipeline.monitoring.snapshots import take_snapshot
from orders_pipeline.store.schema import rejects
from tests.figures import open_home
from tests.integration.figures.test_kpis import sample
from tests.made_up.builders import store_orders
from tests.servers.api_server import running_server
from tests.sweeps import cases

KEY = "open sesame, open"
CONFIG = Path(__file__).with_name("schemathesis.toml")
DESCRIPTION = "/api/openapi.json"
OPTIONS = [
    # The omitted phase tries each of 170 currencies at each endpoint.
    "--phases=examples,fuzzing,stateful",
    "--checks=all",
    f"--max-examples={cases(5)}",
    "--seed=1",
    "--workers=2",
    "--suppress-health-check=all",
    f"--header=Authorization: Bearer {KEY}",
    "--no-color",
]
REJECT = {"code": "price_unreadable", "message": "Price is x.", "hint": "Correct it.", "raw": "x"}


@pytest.fixture
def url(tmp_path: Path, redis_url: str) -> Iterator[str]:
    """A server with the sample's orders, a reject and snapshots."""
    settings = Settings(home=tmp_path, redis_url=redis_url, rate_limit=0, api_key=KEY)
    with open_home(settings.store_url, redis_url, settings.warehouse) as home:
        store_orders(home.engine, sample())
        home.refresh_dirty_days()
        home.publish_batch(Window(1, 10))
        with home.engine.begin() as connection:
            connection.execute(insert(rejects).values(import_id=1, record=1, line=2, **REJECT))
        take_snapshot(home.engine, {"orders": 0})
        with running_server(settings) as address:
            yield address


def test_no_request_makes_the_api_fail_or_answer_what_it_does_not_document(url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "--config-file",
            CONFIG,
            "run",
            *OPTIONS,
            f"{url}{DESCRIPTION}",
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
