"""The job `capture_orders`: it completes captures and voids, and is launched for waiting ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus, RunRequest, SkipReason, build_sensor_context

from definitions import build_definitions
from jobs.captures.capture_orders import CAPTURE_ORDERS
from jobs.captures.sensors import capture_sensors
from orders_pipeline.store.engine import open_engine
from tests.capture_bench import CaptureBench
from tests.dagster_runs import create_run, status_of
from tests.import_bench import ImportBench, many_orders
from tests.servers.api_server import serving

KEY = "open sesame, open"


@pytest.fixture
def captures(tmp_path: Path, redis_url: str) -> Iterator[CaptureBench]:
    """A home with ten authorized orders."""
    engine = open_engine(f"sqlite:///{tmp_path / 'home' / 'orders.db'}")
    captures = CaptureBench.on(ImportBench.at(engine, tmp_path), redis_url=redis_url, transaction_orders=4)
    captures.bench.stock(MOUSE=100)
    captures.bench.import_lines(*many_orders(10))
    yield captures
    engine.dispose()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield instance


def run(captures: CaptureBench, instance: DagsterInstance) -> None:
    job = build_definitions(captures.bench.settings).resolve_job_def(CAPTURE_ORDERS)
    assert job.execute_in_process(instance=instance).success


def look(
    captures: CaptureBench, instance: DagsterInstance, silence_seconds: float = 900
) -> RunRequest | SkipReason:
    (sensor,) = capture_sensors(silence_seconds=silence_seconds)
    resources = build_definitions(captures.bench.settings).resources
    with build_sensor_context(instance=instance, resources=resources) as context:
        return sensor(context)  # type: ignore[return-value]


def test_a_run_captures_what_was_asked_for_and_voids_what_is_overdue(
    captures: CaptureBench, instance: DagsterInstance
) -> None:
    assert isinstance(look(captures, instance), SkipReason)
    captures.capture(*(f"n{number}" for number in range(7)))
    captures.let_pass(hours=97)
    assert isinstance(look(captures, instance), RunRequest)
    run(captures, instance)
    assert captures.statuses() == {"captured": 7, "voided": 3}
    assert isinstance(look(captures, instance), SkipReason)
    assert captures.bench.broken_checks() == set()


def test_a_run_that_died_does_not_keep_captures_waiting_for_ever(
    captures: CaptureBench, instance: DagsterInstance
) -> None:
    captures.capture("n1")
    died = create_run(instance, CAPTURE_ORDERS, status=DagsterRunStatus.STARTED)
    assert isinstance(look(captures, instance), SkipReason)
    assert isinstance(look(captures, instance, silence_seconds=0), RunRequest)
    assert status_of(instance, died) is DagsterRunStatus.FAILURE


def test_captures_are_asked_for_over_http(captures: CaptureBench, instance: DagsterInstance) -> None:
    settings = captures.bench.settings.model_copy(update={"api_key": KEY})
    key = {"Authorization": f"Bearer {KEY}"}
    with serving(settings) as ask:
        assert ask("/captures", "POST", json={"all": True}).status_code == 401
        assert ask("/captures", "POST", headers=key, json={}).status_code == 422
        assert ask("/captures", "POST", headers=key, json={"orders": ["none"]}).status_code == 404
        previewed = ask("/captures", "POST", headers=key, json={"all": True, "dry_run": True})
        assert previewed.status_code == 200
        assert previewed.json()["data"] == {"dry_run": True, "orders": 10, "amounts": {"USD": "100.00"}}
        asked = ask("/captures", "POST", headers=key, json={"orders": ["n1", "n2"]})
        assert (asked.status_code, asked.json()["data"]["orders"]) == (202, 2)
        again = ask("/captures", "POST", headers=key, json={"orders": ["n1", "n2"]})
        assert again.json()["data"]["orders"] == 0
        cancelled = ask("/failed/cancel", "POST", headers=key, json={"orders": ["n3"]})
        assert cancelled.json()["data"]["orders"] == 1
    run(captures, instance)
    statuses = captures.bench.statuses()
    assert [statuses[f"n{number}"] for number in range(1, 4)] == ["completed", "completed", "rollback"]
