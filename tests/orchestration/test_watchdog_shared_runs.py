"""The watchdog, and runs that many small files share."""

from __future__ import annotations

from string import ascii_lowercase

import pytest
from celery import Celery
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, build_sensor_context
from sqlalchemy import update

from jobs.imports.launching.launching import LIMITS, shared_requests
from jobs.imports.lost.dead_runs import RunPatience, fail_dead_runs
from jobs.imports.lost.watchdog import relaunch_lost
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from jobs.imports.runs.small_files import import_small_files_job, shared_run
from jobs.workers.run_heartbeat import run_heartbeat
from jobs.workers.step_log import IDS_HEADER, step_ids
from orders_pipeline.base.clock import now_us
from orders_pipeline.imports.state.lost_imports import HeartbeatClock, Patience
from orders_pipeline.store.schema import imports
from tests.dagster_runs import create_run, status_of
from tests.import_bench import ImportBench, many_orders, write_orders

ENDLESS, NONE_AT_ALL = 1e9, 1e-9
STARTED, FAILURE, SUCCESS = DagsterRunStatus.STARTED, DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS
CANCELED, WAITING = DagsterRunStatus.CANCELED, DagsterRunStatus.NOT_STARTED
pytestmark = pytest.mark.usefixtures("a_worker")


def staged(bench: ImportBench, *names: str) -> list[str]:
    files = [write_orders(bench.folder / f"{name}.csv", many_orders(2, name)) for name in names]
    return [bench.stage(file) for file in files]


def run_of(instance: DagsterInstance, keys: list[str], status: DagsterRunStatus) -> DagsterRun:
    """A run for these files."""
    config = dict(shared_run(keys).run_config or {})
    return instance.create_run_for_job(import_small_files_job, status=status, run_config=config)


def begin(bench: ImportBench, key: str, run: DagsterRun) -> None:
    bench.steps.parse(key, run.run_id)


def finish(bench: ImportBench, key: str, run: DagsterRun) -> None:
    for number in bench.steps.parse(key, run.run_id):
        bench.up_to("roll_back", key, number)
    bench.steps.finish(key)


def beat(bench: ImportBench) -> None:
    """Sends a heartbeat of every run's process, after the last change of any run."""
    with bench.engine.begin() as connection:
        connection.execute(update(imports).values(run_beat_at=now_us()))


def look_for_lost(
    bench: ImportBench, instance: DagsterInstance, run: float = ENDLESS, work: float = ENDLESS
) -> list[str | None]:
    """Keys that the watchdog launches again. Silence takes two ticks, the next steps a third."""
    signs, patience = HeartbeatClock(), Patience(run, work)
    with build_sensor_context(instance=instance) as context:
        looks = [
            [
                one.partition_key
                for one in relaunch_lost(context, bench.engine, bench.settings, signs, patience)
            ]
            for _ in range(3)
        ]
    return [key for look in looks for key in look]


def test_all_files_of_a_run_have_its_heartbeats_until_they_are_finished(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    keys = staged(bench, "begun", "new", "finished")
    run = run_of(instance, keys, STARTED)
    begin(bench, keys[0], run)
    bench.settle(keys[2])
    with bench.engine.begin() as connection:
        connection.execute(update(imports).values(run_beat_at=1))
    with run_heartbeat(bench.settings, instance, run):
        pass
    assert [(bench.found(key).run_beat_at or 0) > 1 for key in keys] == [True, True, False]


@pytest.mark.parametrize("status", [STARTED, WAITING])
def test_a_run_at_work_and_its_files_are_left_alone(
    bench: ImportBench, instance: DagsterInstance, status: DagsterRunStatus
) -> None:
    keys = staged(bench, "begun", "new")
    run = run_of(instance, keys, status)
    begin(bench, keys[0], run)
    beat(bench)
    assert look_for_lost(bench, instance) == []
    assert status_of(instance, run) is status


@pytest.mark.parametrize("status", [SUCCESS, FAILURE])
def test_only_what_an_ended_run_had_begun_is_launched_alone(
    bench: ImportBench, instance: DagsterInstance, status: DagsterRunStatus
) -> None:
    keys = staged(bench, "finished", "begun", "new")
    run = run_of(instance, keys, status)
    begin(bench, keys[1], run)
    bench.settle(keys[0])
    assert set(look_for_lost(bench, instance)) == {keys[1]}


def test_what_a_canceled_run_had_begun_is_left_as_it_is(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    keys = staged(bench, "begun", "new")
    begin(bench, keys[0], run_of(instance, keys, CANCELED))
    assert look_for_lost(bench, instance) == []


def test_a_file_whose_orders_are_retried_is_launched_alone(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    bench.set(payment_success_rate=0)
    keys = staged(bench, "one", "another")
    run = run_of(instance, keys, SUCCESS)
    for key in keys:
        finish(bench, key, run)
    assert look_for_lost(bench, instance) == []
    assert bench.retry("one0") == {keys[0]: 1}
    assert set(look_for_lost(bench, instance)) == {keys[0]}


def test_many_reopened_imports_share_a_run_and_are_watched_once_it_has_ended(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    bench.set(payment_success_rate=0)
    keys = staged(bench, *(f"{letter}-" for letter in ascii_lowercase[: LIMITS.more_than + 1]))
    first = run_of(instance, keys, SUCCESS)
    for key in keys:
        finish(bench, key, first)
    bench.retry(*(f"{letter}-0" for letter in ascii_lowercase))
    assert look_for_lost(bench, instance) == []
    (request,) = shared_requests(instance, bench.engine, bench.settings)
    second = run_of(instance, keys, STARTED)
    assert request.run_config == shared_run(keys).run_config
    assert shared_requests(instance, bench.engine, bench.settings) == []
    begin(bench, keys[0], second)
    beat(bench)
    assert look_for_lost(bench, instance) == []
    instance.report_run_failed(second)
    assert set(look_for_lost(bench, instance)) == set(keys)


@pytest.mark.parametrize("begun", [True, False])
def test_a_run_whose_process_is_gone_is_failed(
    bench: ImportBench, instance: DagsterInstance, *, begun: bool
) -> None:
    keys = staged(bench, "one", "another")
    run = run_of(instance, keys, STARTED)
    if begun:
        begin(bench, keys[0], run)
    lost = look_for_lost(bench, instance, run=NONE_AT_ALL)
    assert status_of(instance, run) is FAILURE
    assert lost == (keys[:1] if begun else [])


def test_a_dead_run_is_failed_although_a_file_of_it_has_a_dead_run_of_its_own(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    keys = staged(bench, "one", "another")
    own = create_run(instance, IMPORT_ORDERS, STARTED, {"dagster/partition": keys[0]})
    shared = run_of(instance, keys, STARTED)
    bench.steps.parse(keys[0], own.run_id)
    assert set(look_for_lost(bench, instance, run=NONE_AT_ALL)) == {keys[0]}
    assert status_of(instance, shared) is FAILURE


@pytest.mark.parametrize("waits", [True, False])
def test_a_run_whose_tasks_are_lost_is_failed_and_one_whose_tasks_wait_is_not(
    bench: ImportBench, instance: DagsterInstance, redis_url: str, *, waits: bool
) -> None:
    run = run_of(instance, staged(bench, "one", "another"), STARTED)
    beat(bench)
    if waits:
        with Celery(broker=redis_url, set_as_current=False) as app:
            headers = {IDS_HEADER: step_ids(run.run_id, "import_files[0000]", None)}
            app.send_task("a step", queue="dagster", headers=headers)
    assert look_for_lost(bench, instance, work=NONE_AT_ALL) == []
    assert status_of(instance, run) is (STARTED if waits else FAILURE)


def test_a_file_that_was_launched_alone_is_watched_by_that_run(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    (key,) = staged(bench, "one")
    begin(bench, key, run_of(instance, [key], FAILURE))
    create_run(instance, IMPORT_ORDERS, WAITING, {"dagster/partition": key})
    assert look_for_lost(bench, instance) == []


def test_a_run_whose_process_died_after_its_last_file_is_failed(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    keys = staged(bench, "one", "another")
    run, signs = run_of(instance, keys, STARTED), HeartbeatClock()
    patience = RunPatience(ENDLESS, older_run=NONE_AT_ALL)
    for _ in range(2):
        assert fail_dead_runs(instance, bench.engine, signs, patience) == 0
    for key in keys:
        bench.settle(key)
    assert [fail_dead_runs(instance, bench.engine, signs, patience) for _ in range(2)] == [0, 1]
    assert status_of(instance, run) is FAILURE
