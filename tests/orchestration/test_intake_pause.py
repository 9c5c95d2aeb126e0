"""While the intake is paused, no new file is imported, and running imports are finished."""

from __future__ import annotations

import pytest
from dagster import DagsterInstance, DagsterRunStatus, ExecuteInProcessResult
from sqlalchemy import update

from definitions import build_definitions
from jobs.imports.partitions import ORDER_FILES
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.failed_work.listing import Wanted, failed_work
from orders_pipeline.imports.arrival.intake import pause_intake, resume_intake
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import imports
from tests.dagster_runs import create_run
from tests.import_bench import RUN, ImportBench, Line, many_orders
from tests.orchestration.test_watchdog import drop, look_for_lost, tick_inbox

pytestmark = pytest.mark.usefixtures("a_worker")


@pytest.fixture
def bench(bench: ImportBench) -> ImportBench:
    """A home whose intake is paused."""
    pause(bench)
    return bench


def pause(bench: ImportBench) -> None:
    with bench.engine.begin() as connection:
        pause_intake(connection, "cli:ada", "the disk is full")


def resume(bench: ImportBench) -> None:
    with bench.engine.begin() as connection:
        assert resume_intake(connection, "cli:ada")


def launch(bench: ImportBench, instance: DagsterInstance, key: str) -> ExecuteInProcessResult:
    """A run of the job, launched as by the Dagster UI."""
    instance.add_dynamic_partitions(ORDER_FILES, [key])
    job = build_definitions(bench.settings).resolve_job_def(IMPORT_ORDERS)
    return job.execute_in_process(instance=instance, tags={"dagster/partition": key}, raise_on_error=False)


def test_files_wait_in_the_inbox(bench: ImportBench, instance: DagsterInstance) -> None:
    file = drop(bench, "new.csv", Line("1"))
    assert tick_inbox(bench, instance) == []
    assert file.exists()
    assert bench.keys() == {}
    resume(bench)
    assert len(tick_inbox(bench, instance)) == 1


def test_a_run_of_a_new_file_fails_at_once_without_retries_and_says_why(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    key = bench.stage(bench.write(Line("1")))
    result = launch(bench, instance, key)
    assert not result.success
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    said = str(failed.step_failure_data.error)
    assert "the intake is paused by cli:ada: the disk is full" in said
    assert "orders resume" in said
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
    assert bench.found(key).status is ImportStatus.STAGED
    with reading(bench.engine) as connection:
        assert not any(failed_work(connection, Wanted(), 10)["counts"].values())


def test_a_file_that_was_turned_away_is_launched_automatically_after_the_pause_and_not_before(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    key = bench.stage(bench.write(*many_orders(3)))
    launch(bench, instance, key)
    assert look_for_lost(bench, instance) == []
    resume(bench)
    assert look_for_lost(bench, instance) == [key]
    assert launch(bench, instance, key).success
    assert look_for_lost(bench, instance) == []


def test_a_refused_file_that_is_launched_again_waits_too(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    resume(bench)
    key = bench.stage(bench.write(Line("bad", quantity="x")), max_rejects="0")
    assert not launch(bench, instance, key).success
    assert bench.found(key).status is ImportStatus.REFUSED
    pause(bench)
    launch(bench, instance, key)
    assert bench.found(key).status is ImportStatus.STAGED


def test_an_import_that_had_begun_goes_on(bench: ImportBench, instance: DagsterInstance) -> None:
    resume(bench)
    key = bench.stage(bench.write(*many_orders(5)))
    bench.steps.parse(key, RUN)
    bench.step("load", key)
    pause(bench)
    assert look_for_lost(bench, instance) == [key]
    assert launch(bench, instance, key).success
    assert set(bench.statuses().values()) == {"completed"}


def test_retried_orders_and_finished_files_are_no_new_files(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    resume(bench)
    bench.set(payment_success_rate=0)
    key = bench.stage(bench.write(Line("1")))
    bench.settle(key)
    pause(bench)
    bench.set(payment_success_rate=1)
    assert bench.retry("1") == {key: 1}
    assert launch(bench, instance, key).success
    assert bench.statuses() == {"1": "completed"}
    assert launch(bench, instance, key).success


def test_an_import_that_was_canceled_is_launched_once_orders_of_it_are_tried_again(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    resume(bench)
    bench.set(payment_success_rate=0)
    key = bench.stage(bench.write(Line("1"), Line("2")))
    bench.settle(key)
    tags = {"dagster/partition": key}
    create_run(instance, IMPORT_ORDERS, status=DagsterRunStatus.CANCELED, tags=tags)
    assert look_for_lost(bench, instance) == []
    bench.retry("1")
    assert look_for_lost(bench, instance) == [key]
    with bench.engine.begin() as connection:
        # Dagster's SQLite store has a resolution of one second.
        connection.execute(update(imports).values(reopened_at=now_us() - 2_000_000))
    create_run(instance, IMPORT_ORDERS, status=DagsterRunStatus.CANCELED, tags=tags)
    assert look_for_lost(bench, instance) == []
