"""The last log line of a run of `import_orders`."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.imports.runs.result import import_result
from orders_pipeline.base.settings import Settings
from tests.import_bench import ImportBench, Line


@dataclass
class Log:
    lines: list[str] = field(default_factory=list)

    def info(self, line: str) -> None:
        self.lines.append(line)


def logged(settings: Settings, key: str, job: str = "import_orders") -> list[str]:
    run = SimpleNamespace(job_name=job, tags={"dagster/partition": key})
    context: Any = SimpleNamespace(dagster_run=run, log=Log())
    import_result(settings)(context)
    return context.log.lines


def test_a_finished_import_says_what_was_settled_and_where_to_look(bench: ImportBench) -> None:
    key = bench.import_lines(Line("1"), Line("2", quantity=0)).partition
    (line,) = logged(bench.settings, key)
    assert "1 order of 2 records (1 completed, 0 rollback, 0 failed); 1 record rejected" in line
    assert f"`orders rejects {key}`" in line
    assert f"http://127.0.0.1:8000/files/{key}" in line
    assert logged(bench.settings, key, "write_results") == []


@pytest.mark.parametrize("url", ["", "postgresql+psycopg2://nobody@127.0.0.1:1/none"], ids=["new", "away"])
def test_nothing_is_said_without_a_result(bench: ImportBench, url: str) -> None:
    settings = bench.settings.model_copy(update={"database_url": url})
    assert logged(settings, "no-such-file") == []
