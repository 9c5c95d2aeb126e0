"""The sensors that keep imports running, on a real store and broker and a temporary Dagster instance."""

from __future__ import annotations

import signal
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from celery import Celery
from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunRequest,
    SensorResult,
    SkipReason,
    build_sensor_context,
)
from redis import Redis
from sqlalchemy import update

from definitions import build_definitions
from jobs.care.checks import CHECK_EVERYTHING
from jobs.figures.ops import PUBLISH_FIGURES
from jobs.figures.sensors import figure_sensors
from jobs.imports.lost.dead_runs import RunPatience, fail_dead_runs
from jobs.imports.lost.watchdog import _newest_runs, _seen
from jobs.imports.partitions import ORDER_FILES
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from jobs.imports.sensors import import_sensors
from jobs.runs import fail_run
from jobs.workers.queues import unserved_queues
from jobs.workers.run_heartbeat import run_heartbeat
from jobs.workers.step_log import IDS_HEADER, step_ids
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.figures.kpis.warehouse.published_parts import part_file
from orders_pipeline.imports.import_row import Import, get_import
from orders_pipeline.imports.state.lost_imports import HeartbeatClock
from orders_pipeline.staging.inbox import STABLE_SECONDS
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import imports
from resources.order_store import OrderStore
from tests.dagster_runs import create_run, status_of
from tests.figures import open_home
from tests.import_bench import ImportBench, Line, many_orders
from tests.servers.gateway_server import running_gateway

ENDLESS, NONE_AT_ALL = 1e9, 1e-9
STARTED, FAILURE, SUCCESS = DagsterRunStatus.STARTED, DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS
CANCELED, WAITING = DagsterRunStatus.CANCELED, DagsterRunStatus.NOT_STARTED
pytestmark = pytest.mark.usefixtures("a_worker")


@pytest.fixture
def bench(bench: ImportBench) -> ImportBench:
    """A home with unlimited patience for heartbeats."""
    bench.set(run_patience=ENDLESS, work_patience=ENDLESS)
    return bench


def sensor_named(bench: ImportBench, name: str, stable_seconds: float = STABLE_SECONDS) -> Any:
    """A sensor of this home that launches an import up to three times in a row."""
    imports_sensors = import_sensors(bench.settings, stable_seconds, pauses=(0, 0, 0))
    sensors = [*imports_sensors, *figure_sensors(bench.settings.work_patience)]
    return next(sensor for sensor in sensors if sensor.name == name)


def tick(
    bench: ImportBench,
    instance: DagsterInstance,
    name: str,
    cursor: str | None = None,
    stable_seconds: float = STABLE_SECONDS,
) -> Any:
    """What a sensor launches; empty if it skips. It runs twice, because silence is measured between ticks."""
    definitions = build_definitions(bench.settings)
    sensor = sensor_named(bench, name, stable_seconds)
    for _ in range(2):
        with build_sensor_context(
            instance=instance,
            repository_def=definitions.get_repository_def(),
            cursor=cursor,
            resources=definitions.resources,
        ) as context:
            if wanted := _wanted(sensor(context)):
                return wanted
    return []


def _wanted(result: Any) -> list[Any]:
    match result:
        case SkipReason():
            return []
        case SensorResult():
            return list(result.run_requests or [])
        case _:
            return [result]


def look_for_lost(bench: ImportBench, instance: DagsterInstance) -> list[str]:
    """Keys of the imports that the watchdog launches again."""
    return [request.partition_key for request in tick(bench, instance, "lost_imports_sensor")]


def test_a_look_that_finds_nothing_leaves_no_file(bench: ImportBench, tmp_path: Path) -> None:
    sensor = sensor_named(bench, "lost_imports_sensor")
    names = {"sensor_name": sensor.name, "repository_name": "definitions"}
    (tmp_path / "dagster").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "dagster")) as kept:
        reference = kept.get_ref()
        with build_sensor_context(
            instance=kept,
            instance_ref=reference,
            resources={"order_store": OrderStore(bench.settings.store_url)},
            **names,
        ) as context:
            assert _wanted(sensor(context)) == []
            assert list((tmp_path / "dagster").rglob("*.err")) == []
            context.log.info("There is something to say.")
        assert len(list((tmp_path / "dagster").rglob("*.err"))) == 1


def running(bench: ImportBench, name: str = "orders.csv") -> str:
    """Key of an import that was started, and stopped after it had loaded its orders."""
    key = bench.parsed(*many_orders(5, name), name=name)
    bench.step("load", key)
    return key


def run_of(instance: DagsterInstance, key: str, status: DagsterRunStatus) -> DagsterRun:
    tags = {"dagster/partition": key}
    return create_run(instance, IMPORT_ORDERS, status=status, tags=tags)


def beat(bench: ImportBench) -> None:
    """Sends a heartbeat of every run's process."""
    with bench.engine.begin() as connection:
        connection.execute(update(imports).values(run_beat_at=now_us()))


def queue_step(redis_url: str, key: str) -> None:
    """Queues a step of the import behind another task and a message that is no task."""
    with Redis.from_url(redis_url) as broker:
        broker.lpush("orders", "no task")
    with Celery(broker=redis_url, set_as_current=False) as app:
        app.send_task("another", queue="orders")
        app.send_task(
            "a step", queue="orders", headers={IDS_HEADER: step_ids("a run", "load_orders[1]", key)}
        )


def found(bench: ImportBench, key: str) -> Import:
    with reading(bench.engine) as connection:
        return get_import(connection, key)


def test_a_run_that_sends_heartbeats_is_left_alone(bench: ImportBench, instance: DagsterInstance) -> None:
    run = run_of(instance, running(bench), STARTED)
    assert look_for_lost(bench, instance) == []
    assert status_of(instance, run) is STARTED


def test_a_run_whose_process_is_gone_is_failed_and_launched_again(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    key = running(bench)
    run = run_of(instance, key, STARTED)
    bench.set(run_patience=NONE_AT_ALL)
    assert look_for_lost(bench, instance) == [key]
    assert status_of(instance, run) is FAILURE


@pytest.mark.parametrize("status", [SUCCESS, FAILURE])
def test_a_run_that_ended_without_settling_every_order_is_launched_again(
    bench: ImportBench, instance: DagsterInstance, status: DagsterRunStatus
) -> None:
    key = running(bench)
    run = run_of(instance, key, status)
    assert look_for_lost(bench, instance) == [key]
    assert status_of(instance, run) is status


def test_an_import_of_which_dagster_knows_no_run_is_launched_again(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    key = running(bench)
    assert look_for_lost(bench, instance) == [key]


def test_a_run_whose_tasks_are_lost_is_failed_and_launched_again(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    key = running(bench)
    run = run_of(instance, key, STARTED)
    beat(bench)
    bench.set(work_patience=NONE_AT_ALL)
    assert look_for_lost(bench, instance) == [key]
    assert status_of(instance, run) is FAILURE


def test_a_run_whose_tasks_still_wait_in_the_broker_is_left_alone(
    bench: ImportBench, instance: DagsterInstance, redis_url: str
) -> None:
    key = running(bench)
    run_of(instance, key, STARTED)
    beat(bench)
    bench.set(work_patience=NONE_AT_ALL)
    queue_step(redis_url, key)
    assert look_for_lost(bench, instance) == []


def test_tasks_of_other_imports_do_not_hide_that_those_of_one_are_lost(
    bench: ImportBench, instance: DagsterInstance, redis_url: str
) -> None:
    lost, waiting = running(bench, "lost.csv"), running(bench, "waiting.csv")
    for key in (lost, waiting):
        run_of(instance, key, STARTED)
    beat(bench)
    bench.set(work_patience=NONE_AT_ALL)
    queue_step(redis_url, waiting)
    assert look_for_lost(bench, instance) == [lost]


def test_tasks_of_a_broker_that_is_away_are_not_taken_for_lost(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    run_of(instance, running(bench), STARTED)
    beat(bench)
    bench.set(work_patience=NONE_AT_ALL, redis_url="redis://127.0.0.1:1/0")
    assert look_for_lost(bench, instance) == []


@pytest.mark.parametrize("status", [CANCELED, WAITING])
def test_what_was_canceled_or_waits_for_its_turn_is_left_alone(
    bench: ImportBench, instance: DagsterInstance, status: DagsterRunStatus
) -> None:
    run = run_of(instance, running(bench), status)
    bench.set(run_patience=NONE_AT_ALL, work_patience=NONE_AT_ALL)
    assert look_for_lost(bench, instance) == []
    assert status_of(instance, run) is status


def test_nothing_is_launched_again_before_a_worker_answers(
    bench: ImportBench, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = running(bench)
    run_of(instance, key, FAILURE)
    monkeypatch.setattr("jobs.imports.launching.readiness.unserved_queues", unserved_queues)
    monkeypatch.setattr("jobs.imports.launching.readiness.WORKERS_ANSWER_WITHIN_SECONDS", 0.1)
    assert look_for_lost(bench, instance) == []
    assert found(bench, key).status is ImportStatus.RUNNING


def test_nothing_is_launched_again_before_the_gateway_answers(
    bench: ImportBench, instance: DagsterInstance, tmp_path: Path
) -> None:
    key = running(bench)
    run_of(instance, key, FAILURE)
    with running_gateway(tmp_path / "gateway") as gateway:
        bench.set(payment_url=gateway.url)
        gateway.kill()
        assert look_for_lost(bench, instance) == []
        gateway.start()
        gateway.set_faults(rates={"error_before": 1})
        assert look_for_lost(bench, instance) == [key]
    assert found(bench, key).launches == 1


@pytest.mark.parametrize("status", [STARTED, FAILURE])
def test_a_run_that_died_before_its_first_step_is_launched_again(
    bench: ImportBench, instance: DagsterInstance, status: DagsterRunStatus
) -> None:
    key = bench.stage(bench.write(Line("1")))
    assert look_for_lost(bench, instance) == []
    run = run_of(instance, key, status)
    bench.set(run_patience=NONE_AT_ALL)
    assert look_for_lost(bench, instance) == [key]
    assert status_of(instance, run) is FAILURE


def test_a_run_that_waits_for_its_first_step_is_left_alone(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    run_of(instance, bench.stage(bench.write(Line("1"))), STARTED)
    assert look_for_lost(bench, instance) == []


def test_only_the_newest_run_of_an_import_counts(bench: ImportBench, instance: DagsterInstance) -> None:
    key = running(bench)
    run_of(instance, key, FAILURE)
    run_of(instance, key, STARTED)
    assert look_for_lost(bench, instance) == []


def test_runs_that_never_began_are_counted_since_the_last_sign_of_life(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    key = running(bench)
    beaten = run_of(instance, key, FAILURE)
    beat(bench)
    for count in (1, 2, 3):
        run_of(instance, key, STARTED)
        records = _newest_runs(instance, found(bench, key))
        assert _seen(records, found(bench, key).run_beat_at or 0).unbegun == count
    assert records[-1].dagster_run.run_id == beaten.run_id


def test_each_lost_import_is_launched_again_and_the_others_are_not(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    keys = [running(bench, f"{name}.csv") for name in "abc"]
    for key, status in zip(keys, (FAILURE, STARTED, SUCCESS), strict=True):
        run_of(instance, key, status)
    bench.import_lines(Line("settled"), name="finished.csv")
    bench.stage(bench.write(Line("staged"), name="staged.csv"))
    assert look_for_lost(bench, instance) == [keys[0], keys[2]]


def launch(bench: ImportBench, instance: DagsterInstance, key: str, name: str) -> DagsterRun:
    """A launch that begins and dies at once."""
    bench.steps.parse(key, name)
    return run_of(instance, key, FAILURE)


def test_three_launches_without_progress_stall_an_import(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    key = running(bench)
    for name in ("second", "third"):
        launch(bench, instance, key, name)
        assert look_for_lost(bench, instance) == [key]
    launch(bench, instance, key, "fourth")
    assert look_for_lost(bench, instance) == []
    stalled = found(bench, key)
    assert stalled.status is ImportStatus.STALLED
    assert "3 launches made no progress" in str(stalled.refused_because)
    assert look_for_lost(bench, instance) == []


def test_progress_between_launches_starts_the_count_again(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    key = running(bench)
    for step in ("reserve", "charge", "finalize"):
        launch(bench, instance, key, f"before {step}")
        bench.step(step, key)
        launch(bench, instance, key, f"after {step}")
        assert look_for_lost(bench, instance) == [key]


def test_a_stalled_import_that_a_person_launches_again_gets_new_launches(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    key = running(bench)
    for name in ("second", "third", "fourth"):
        launch(bench, instance, key, name)
    look_for_lost(bench, instance)
    launch(bench, instance, key, "by hand")
    assert found(bench, key).launches == 1
    assert look_for_lost(bench, instance) == [key]
    bench.settle(key)
    assert look_for_lost(bench, instance) == []
    assert bench.broken_checks() == set()


def test_a_finished_import_that_is_run_again_stays_finished_whatever_happens_to_the_run(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    key = bench.stage(bench.write(*many_orders(5)))
    bench.settle(key)
    before = bench.everything()
    launch(bench, instance, key, "by hand")
    assert found(bench, key).status is ImportStatus.FINISHED
    assert look_for_lost(bench, instance) == []
    assert bench.everything() == before


def test_a_run_that_was_deleted_ends_itself(bench: ImportBench, instance: DagsterInstance) -> None:
    run = run_of(instance, running(bench), STARTED)
    instance.delete_run(run.run_id)
    # If a shell started the tests in the background, they ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt), run_heartbeat(bench.settings, instance, run):
        Event().wait(60)


def test_a_run_whose_process_died_after_its_import_was_finished_is_failed(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    key = bench.stage(bench.write(*many_orders(5)))
    bench.settle(key)
    dead = run_of(instance, key, STARTED)
    assert look_for_lost(bench, instance) == []
    assert status_of(instance, dead) is STARTED
    bench.set(run_patience=NONE_AT_ALL)
    assert look_for_lost(bench, instance) == []
    assert status_of(instance, dead) is FAILURE


def test_a_run_of_a_finished_import_that_sends_heartbeats_is_left_alone(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    key = bench.stage(bench.write(*many_orders(5)))
    bench.settle(key)
    alive, signs = run_of(instance, key, STARTED), HeartbeatClock()
    for _ in range(3):
        beat(bench)
        fail_dead_runs(instance, bench.engine, signs, RunPatience(NONE_AT_ALL))
    assert status_of(instance, alive) is STARTED


def fail_dead(bench: ImportBench, instance: DagsterInstance, patience: RunPatience) -> None:
    """Looks for dead runs twice, because silence is measured between ticks."""
    signs = HeartbeatClock()
    for _ in range(2):
        fail_dead_runs(instance, bench.engine, signs, patience)


@pytest.mark.parametrize("newest", [STARTED, WAITING])
def test_an_older_run_of_an_import_at_work_that_died_does_not_keep_its_place(
    bench: ImportBench, instance: DagsterInstance, newest: DagsterRunStatus
) -> None:
    key = running(bench)
    older, newer = run_of(instance, key, STARTED), run_of(instance, key, newest)
    fail_dead(bench, instance, RunPatience(ENDLESS, older_run=NONE_AT_ALL))
    assert (status_of(instance, older), status_of(instance, newer)) == (FAILURE, newest)


def test_an_older_run_that_is_alive_goes_on_where_the_newer_one_was_canceled(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    key = running(bench)
    alive, signs = run_of(instance, key, STARTED), HeartbeatClock()
    run_of(instance, key, DagsterRunStatus.CANCELED)
    for _ in range(3):
        beat(bench)
        fail_dead_runs(instance, bench.engine, signs, RunPatience(NONE_AT_ALL, older_run=NONE_AT_ALL))
    assert status_of(instance, alive) is STARTED


def test_a_run_of_another_job_may_be_silent_for_long_but_not_for_ever(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    silent = create_run(instance, CHECK_EVERYTHING, status=STARTED)
    bench.set(run_patience=NONE_AT_ALL)
    look_for_lost(bench, instance)
    assert status_of(instance, silent) is STARTED
    fail_dead(bench, instance, RunPatience(NONE_AT_ALL, other_job=NONE_AT_ALL))
    assert status_of(instance, silent) is FAILURE


def drop(bench: ImportBench, name: str, *lines: Line | str, complete: bool = True) -> Path:
    """Puts a file into the inbox, with times that make it complete or still growing."""
    folder = bench.settings.inbox_folder
    folder.mkdir(parents=True, exist_ok=True)
    return bench.write(*lines, name=name).rename(folder / (name if complete else f"{name}.part"))


def tick_inbox(
    bench: ImportBench, instance: DagsterInstance, stable_seconds: float = 0.0
) -> list[RunRequest]:
    """The runs that files in the inbox request; by default, files are complete at once."""
    requests: list[RunRequest] = tick(bench, instance, "inbox_sensor", stable_seconds=stable_seconds)
    return requests


def test_a_dropped_file_becomes_a_partition_and_a_run(bench: ImportBench, instance: DagsterInstance) -> None:
    drop(bench, "good.csv", Line("1"))
    (request,) = tick_inbox(bench, instance)
    assert instance.has_dynamic_partition(ORDER_FILES, str(request.partition_key))
    assert found(bench, str(request.partition_key)).file_name == "good.csv"


def test_a_dropped_file_is_kept_at_once_and_asks_for_the_same_run_until_it_is_known(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    drop(bench, "good.csv", Line("1"))
    (first,) = tick_inbox(bench, instance)
    assert [path.name for path in (bench.settings.inbox_folder / "done").iterdir()] == ["good.csv"]
    (again,) = tick_inbox(bench, instance)
    assert (again.run_key, again.partition_key) == (first.run_key, first.partition_key)
    tags = {"dagster/partition": str(first.partition_key), "dagster/run_key": str(first.run_key)}
    run = create_run(instance, IMPORT_ORDERS, status=WAITING, tags=tags)
    assert tick_inbox(bench, instance) == []
    drop(bench, "good.csv", Line("1"))
    # The waiting run imports it as well.
    assert tick_inbox(bench, instance) == []
    fail_run(instance, instance.get_run_record_by_id(run.run_id), "it never began")
    (dropped_again,) = tick_inbox(bench, instance)
    assert dropped_again.partition_key == first.partition_key
    assert dropped_again.run_key != first.run_key


def test_a_dropped_file_that_was_imported_before_starts_no_run(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    bench.import_lines(Line("1"), name="good.csv")
    drop(bench, "good.csv", Line("1"))
    assert tick_inbox(bench, instance) == []
    assert (bench.settings.inbox_folder / "done" / "good.csv").exists()


def test_a_bad_file_goes_to_quarantine_with_its_reason_and_the_others_are_imported(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    drop(bench, "a.csv").write_text("what,is,this\n1,2,3\n")
    drop(bench, "b.csv", Line("1"))
    (request,) = tick_inbox(bench, instance)
    assert str(request.partition_key).startswith("b.csv")
    quarantine = bench.settings.inbox_folder / "quarantine"
    assert sorted(path.name for path in quarantine.iterdir()) == ["a.csv", "a.csv.reason.txt"]
    assert "a.csv" in (quarantine / "a.csv.reason.txt").read_text()


def test_an_unfinished_transfer_waits(bench: ImportBench, instance: DagsterInstance) -> None:
    drop(bench, "good.csv", Line("1"), complete=False)
    assert tick_inbox(bench, instance) == []


def test_a_file_that_was_just_written_waits(bench: ImportBench, instance: DagsterInstance) -> None:
    drop(bench, "good.csv", Line("1"))
    assert tick_inbox(bench, instance, STABLE_SECONDS) == []


def test_changed_days_are_published_once_no_such_run_is_under_way(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    assert tick(bench, instance, "changed_days_sensor") == []
    bench.import_lines(Line("1"))
    assert len(tick(bench, instance, "changed_days_sensor")) == 1
    run = create_run(instance, PUBLISH_FIGURES, status=STARTED)
    assert tick(bench, instance, "changed_days_sensor") == []
    instance.report_run_failed(run)
    assert len(tick(bench, instance, "changed_days_sensor")) == 1
    warehouse = bench.settings.warehouse
    with open_home(str(bench.engine.url), bench.settings.redis_url, warehouse) as home:
        home.refresh_dirty_days()
    # `figures.duckdb` is updated later.
    assert len(tick(bench, instance, "changed_days_sensor")) == 1
    with open_home(str(bench.engine.url), bench.settings.redis_url, warehouse) as home:
        home.update_tables()
    assert tick(bench, instance, "changed_days_sensor") == []
    part_file(warehouse, "daily_kpis", "2025").unlink()
    assert len(tick(bench, instance, "changed_days_sensor")) == 1


def test_while_an_import_is_at_work_days_are_published_once_a_minute(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    running(bench)
    now, minute_ago = now_us() / 1_000_000, now_us() / 1_000_000 - 61
    assert tick(bench, instance, "changed_days_sensor", cursor=str(now)) == []
    assert len(tick(bench, instance, "changed_days_sensor", cursor=str(minute_ago))) == 1


def test_a_publishing_run_that_died_does_not_keep_the_next_away(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    bench.import_lines(Line("1"))
    dead = create_run(instance, PUBLISH_FIGURES, status=STARTED)
    bench.set(work_patience=NONE_AT_ALL)
    assert len(tick(bench, instance, "changed_days_sensor")) == 1
    assert status_of(instance, dead) is FAILURE
