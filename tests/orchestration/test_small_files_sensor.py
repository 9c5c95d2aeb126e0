"""Small files in the inbox share runs, and larger files get runs of their own at the same time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRunStatus, RunRequest

from jobs.imports.launching.launching import LIMITS, FilesWaitError
from jobs.imports.runs.small_files import import_small_files_job
from jobs.runs import imported_keys
from jobs.workers.queues import unserved_queues
from orders_pipeline.imports.arrival.intake import pause_intake, resume_intake
from tests.import_bench import ImportBench, Line, many_orders
from tests.orchestration.test_watchdog import drop, tick, tick_inbox
from tests.servers.gateway_server import running_gateway

FILES = LIMITS.more_than + 2
LARGE_ENOUGH = LIMITS.small_bytes // 40
pytestmark = pytest.mark.usefixtures("a_worker")


def drop_small(bench: ImportBench, instance: DagsterInstance, count: int = FILES) -> list[RunRequest]:
    """Drops this number of small files; returns the runs of single files that the inbox sensor requests."""
    for number in range(count):
        drop(bench, f"{number:02}.csv", Line(f"n{number}"))
    return tick_inbox(bench, instance)


def tick_small(bench: ImportBench, instance: DagsterInstance) -> list[RunRequest]:
    requests: list[RunRequest] = tick(bench, instance, "small_files_sensor")
    return requests


def create(instance: DagsterInstance, request: RunRequest, status: DagsterRunStatus) -> Any:
    return instance.create_run_for_job(
        import_small_files_job, run_config=dict(request.run_config or {}), status=status
    )


def test_many_small_files_share_a_run_and_a_larger_one_has_its_own(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    drop(bench, "larger.csv", *many_orders(LARGE_ENOUGH))
    (alone,) = drop_small(bench, instance)
    assert str(alone.partition_key).startswith("larger")
    (shared,) = tick_small(bench, instance)
    keys = imported_keys(create(instance, shared, DagsterRunStatus.NOT_STARTED))
    assert set(keys) == {key for name, key in bench.keys().items() if name != "larger.csv"}
    assert tick_small(bench, instance) == []


def test_a_few_small_files_have_runs_of_their_own(bench: ImportBench, instance: DagsterInstance) -> None:
    assert len(drop_small(bench, instance, LIMITS.more_than)) == LIMITS.more_than
    assert tick_small(bench, instance) == []


def test_what_a_run_has_begun_waits_no_longer_and_the_rest_does(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    drop_small(bench, instance, FILES + 1)
    (request,) = tick_small(bench, instance)
    keys = imported_keys(create(instance, request, DagsterRunStatus.SUCCESS))
    bench.settle(keys[0])
    (again,) = tick_small(bench, instance)
    assert imported_keys(create(instance, again, DagsterRunStatus.NOT_STARTED)) == keys[1:]


def test_after_a_run_that_began_nothing_its_files_wait_a_moment(
    bench: ImportBench, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_small(bench, instance)
    (request,) = tick_small(bench, instance)
    create(instance, request, DagsterRunStatus.FAILURE)
    assert tick_small(bench, instance) == []
    monkeypatch.setattr("jobs.imports.launching.launching.SHARED_RUN_AGAIN_AFTER", timedelta(0))
    assert len(tick_small(bench, instance)) == 1


def test_no_run_is_launched_before_a_worker_and_the_gateway_answer(
    bench: ImportBench, instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_small(bench, instance)
    with monkeypatch.context() as patch:
        patch.setattr("jobs.imports.launching.readiness.unserved_queues", unserved_queues)
        patch.setattr("jobs.imports.launching.readiness.WORKERS_ANSWER_WITHIN_SECONDS", 0.1)
        with pytest.raises(FilesWaitError, match=f"{FILES} small files wait until a worker answers"):
            tick_small(bench, instance)
    with running_gateway(tmp_path / "gateway") as gateway:
        bench.set(payment_url=gateway.url)
        gateway.kill()
        with pytest.raises(FilesWaitError, match="until the payment gateway answers"):
            tick_small(bench, instance)
        gateway.start()
        assert len(tick_small(bench, instance)) == 1


def test_small_files_wait_while_the_intake_is_paused(bench: ImportBench, instance: DagsterInstance) -> None:
    drop_small(bench, instance)
    with bench.engine.begin() as connection:
        pause_intake(connection, "cli:ada", "stocktaking")
    assert tick_small(bench, instance) == []
    with bench.engine.begin() as connection:
        resume_intake(connection, "cli:ada")
    assert len(tick_small(bench, instance)) == 1
