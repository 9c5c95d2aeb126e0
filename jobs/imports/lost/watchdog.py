"""The watchdog of imports: checks them in Dagster and the broker, and launches lost imports again."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    RunRecord,
    RunRequest,
    RunsFilter,
    SensorEvaluationContext,
)
from sqlalchemy import Engine

from jobs.imports.launching.launching import keys_to_share
from jobs.imports.launching.readiness import missing_for_imports
from jobs.imports.lost.dead_runs import runs_of
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from jobs.imports.runs.shared_runs import shared_run_of, shared_runs
from jobs.runs import IN_PROGRESS, PARTITION_TAG, WAITING, RunPriority, fail_run, imported_keys
from jobs.workers.queue_heads import work_waiting
from jobs.workers.queues import queue_sizes
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.arrival.intake import current_pause
from orders_pipeline.imports.import_row import Import, imports_to_watch
from orders_pipeline.imports.small_files import first_unfinished
from orders_pipeline.imports.state.lost_imports import (
    GiveUp,
    HeartbeatClock,
    Leave,
    NewestRun,
    Patience,
    Relaunch,
    RunState,
    judge,
)
from orders_pipeline.imports.state.status import stall_import
from orders_pipeline.services.broker_tls import is_amqp
from orders_pipeline.services.redis_server import broker_url
from orders_pipeline.store.engine import reading

UNSETTLED = [*IN_PROGRESS, DagsterRunStatus.FAILURE]
BEGINNINGS_SEEN_FOR = timedelta(days=1)
MOST_BEGINNINGS = 1000
MOST_UNBEGUN = 5


def relaunch_lost(
    context: SensorEvaluationContext,
    engine: Engine,
    settings: Settings,
    signs: HeartbeatClock,
    patience: Patience,
) -> Iterator[RunRequest]:
    """Marks the runs of lost imports as failed, and yields a request for a new run of each import."""
    # Each tick that uses `context.log` creates a file, so it is used only if there is something to log.
    instance = context.instance
    waiting = cache(lambda: _waiting(settings))
    absent = cache(lambda: missing_for_imports(settings, engine))
    sharing = cache(lambda: keys_to_share(instance, engine))
    shared = shared_runs(instance)
    for one in shared:
        if reason := _why_lost(one, engine, signs, waiting, patience):
            context.log.warning(f"The shared run {one.dagster_run.run_id} is lost: {reason}")
            fail_run(instance, one, reason)
    for found in _watched(instance, engine, shared):
        records = _newest_runs(instance, found)
        record, run = next(iter(records), None), _seen(records, found.run_beat_at or 0)
        silence = signs.silence(found, run)
        tasks_wait = silence.work > patience.work and waiting()(found.key)
        match judge(found, run, silence, tasks_wait, patience):
            case Relaunch() if found.awaits_run and found.key in sharing():
                pass
            case Relaunch(reason) if missing := absent():
                context.log.warning(f"{found.key} is launched again once {missing} answers: {reason}")
            case Relaunch(reason):
                context.log.warning(f"{found.key} is launched again: {reason}")
                fail_run(instance, record, reason)
                yield RunRequest(partition_key=found.key, tags=RunPriority.RELAUNCH.tag)
            case GiveUp(reason):
                context.log.error(f"{found.key} is not launched again: {reason}")
                fail_run(instance, record, reason)
                with engine.begin() as connection:
                    stall_import(connection, found.id, reason)


def _why_lost(
    record: RunRecord,
    engine: Engine,
    signs: HeartbeatClock,
    waiting: Callable[[], Callable[[str], bool]],
    patience: Patience,
) -> str | None:
    """Returns why a shared run is lost; None if it is not.

    All its unfinished files have the run's heartbeats.
    """
    with reading(engine) as connection:
        found = first_unfinished(connection, imported_keys(record.dagster_run))
    if found is None:
        return None
    run = _seen([record], found.run_beat_at or 0)
    silence = signs.silence(found, run)
    tasks_wait = silence.work > patience.work and waiting()(record.dagster_run.run_id)
    verdict = judge(found, run, silence, tasks_wait, patience)
    return None if isinstance(verdict, Leave) else verdict.reason


def _watched(instance: DagsterInstance, engine: Engine, shared: Sequence[RunRecord]) -> list[Import]:
    """Returns running imports, and staged imports whose run may have died before its first step.

    An import of a shared run is watched separately as soon as the run has ended.
    """
    runs = {record.dagster_run.run_id for record in shared}
    keys = {key for record in shared for key in imported_keys(record.dagster_run)}
    begun = _begun(instance)
    with reading(engine) as connection:
        watched = imports_to_watch(connection, begun, new_too=current_pause(connection) is None)
    return [one for one in watched if one.run_id not in runs and not (one.awaits_run and one.key in keys)]


def _begun(instance: DagsterInstance) -> set[str]:
    """Returns the keys of imports with a recent run that is in progress or has failed."""
    filters = RunsFilter(
        job_name=IMPORT_ORDERS, statuses=UNSETTLED, created_after=datetime.now(UTC) - BEGINNINGS_SEEN_FOR
    )
    runs = [record.dagster_run for record in instance.get_run_records(filters, limit=MOST_BEGINNINGS)]
    return {run.tags[PARTITION_TAG] for run in runs if PARTITION_TAG in run.tags}


def _newest_runs(instance: DagsterInstance, found: Import) -> Sequence[RunRecord]:
    own = instance.get_run_records(runs_of(found.key), limit=MOST_UNBEGUN)
    shared = shared_run_of(instance, found)
    return sorted([*own, *shared], key=lambda record: record.create_timestamp, reverse=True)


def _seen(records: Sequence[RunRecord], last_beat: int) -> NewestRun:
    if not records:
        return NewestRun(RunState.MISSING)
    record = records[0]
    status = record.dagster_run.status
    if status is DagsterRunStatus.CANCELED:
        state = RunState.CANCELED
    elif record.dagster_run.is_finished:
        state = RunState.ENDED
    elif status in WAITING:
        state = RunState.WAITING
    else:
        state = RunState.STARTED
    # The creation time is not used, because the run may have waited in the queue for a long time.
    unbegun = sum(_microseconds(one.create_timestamp) > last_beat for one in records)
    return NewestRun(state, _microseconds(record.update_timestamp), unbegun)


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _waiting(settings: Settings) -> Callable[[str], bool]:
    """Returns a function that tells whether tasks of an import, or of a run, wait in the broker."""
    try:
        if is_amqp(broker_url(settings)):
            # RabbitMQ shows only the first task of a queue, and redelivers the tasks of a dead worker at
            # once.
            waits = any(queue_sizes(settings).values())
            return lambda _: waits
        return work_waiting(settings).__contains__
    except ConnectionError:
        # A broker that is down may still have the tasks when it is back. Until then the run's heartbeat
        # decides.
        return lambda _: True
