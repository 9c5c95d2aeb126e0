"""The homes and Dagster instances for tests of jobs and sensors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from tests.import_bench import ImportBench
from tests.stores import open_test_engine


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    """An in-memory instance."""
    with DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def bench(tmp_path: Path, redis_url: str) -> Iterator[ImportBench]:
    """A home on SQLite and Redis."""
    engine = open_test_engine(f"sqlite:///{tmp_path / 'home' / 'orders.db'}")
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url)
    yield bench
    engine.dispose()


@pytest.fixture
def a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sensors find a worker on each queue."""
    monkeypatch.setattr("jobs.imports.launching.readiness.unserved_queues", lambda *_: set())
