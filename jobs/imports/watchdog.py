"""The watchdog of imports: asks Dagster and the broker about them, and launches lost ones again."""

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

from jobs.imports.dead_runs import runs_of
from jobs.imports.import_orders import IMPORT_ORDERS
from jobs.runs import IN_PROGRESS, PARTITION_TAG, WAITING, RunPriority, fail_run
from jobs.workers.celery_settings import step_app
from jobs.workers.queue_heads import files_waiting
from jobs.workers.queues import queue_sizes, unserved_queues
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.settings import Settings, SettingsError
from orders_pipeline.imports.import_row import Import, imports_in
from orders_pipeline.imports.intake import current_pause
from orders_pipeline.imports.life import stall_import
from orders_pipeline.imports.watchdog import (
    GiveUp,
    HeartbeatClock,
    NewestRun,
    Patience,
    Relaunch,
    RunState,
    judge,
)
from orders_pipeline.payments.connect import connect_gateway
from orders_pipeline.services.broker_tls import is_amqp
from orders_pipeline.services.redis_server import broker_url
from orders_pipeline.store.engine import reading

UNSETTLED = [*IN_PROGRESS, DagsterRunStatus.FAILURE]
BEGINNINGS_SEEN_FOR = timedelta(days=1)
MOST_BEGINNINGS = 1000
MOST_UNBEGUN = 5
WORKERS_ANSWER_WITHIN_SECONDS = 5


def relaunch_lost(
    context: SensorEvaluationContext,
    engine: Engine,
    settings: Settings,
    signs: HeartbeatClock,
    patience: Patience,
) -> Iterator[RunRequest]:
    """Marks the runs of lost imports as failed, and yields a request for a new run of each."""
    # Each tick that uses `context.log` leaves a file, so it is used only when there is something to log.
    instance = context.instance
    watched = _watched(instance, engine)
    waiting = cache(lambda: _waiting(settings))
    absent = cache(lambda: _absent(settings, engine))
    for found in watched:
        records = _newest_runs(instance, found.key)
        record, run = next(iter(records), None), _seen(records, found.run_beat_at or 0)
        silence = signs.silence(found, run)
        tasks_wait = silence.work > patience.work and waiting()(found.key)
        match judge(found, run, silence, tasks_wait, patience):
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


def _watched(instance: DagsterInstance, engine: Engine) -> list[Import]:
    """Running imports, and staged ones whose run may have died before its first step."""
    with reading(engine) as connection:
        running = imports_in(connection, ImportStatus.RUNNING)
        paused = current_pause(connection)
        staged = [] if paused else imports_in(connection, ImportStatus.STAGED)
    begun = _begun(instance) if staged else set()
    # Imports that were turned away by a paused intake have a run, however old.
    return [*running, *(one for one in staged if one.key in begun or one.run_id)]


def _begun(instance: DagsterInstance) -> set[str]:
    """Keys of the imports with a recent run that is in progress or failed."""
    filters = RunsFilter(
        job_name=IMPORT_ORDERS, statuses=UNSETTLED, created_after=datetime.now(UTC) - BEGINNINGS_SEEN_FOR
    )
    runs = [record.dagster_run for record in instance.get_run_records(filters, limit=MOST_BEGINNINGS)]
    return {run.tags[PARTITION_TAG] for run in runs if PARTITION_TAG in run.tags}


def _newest_runs(instance: DagsterInstance, key: str) -> Sequence[RunRecord]:
    return instance.get_run_records(runs_of(key), limit=MOST_UNBEGUN)


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
    # Not the creation time: the run may have waited in the queue for long.
    unbegun = sum(_microseconds(one.create_timestamp) > last_beat for one in records)
    return NewestRun(state, _microseconds(record.update_timestamp), unbegun)


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _waiting(settings: Settings) -> Callable[[str], bool]:
    """Returns a function that tells whether tasks of an import wait in the broker."""
    try:
        if is_amqp(broker_url(settings)):
            # RabbitMQ shows only the head of a queue, and redelivers the tasks of a dead worker at once.
            waits = any(queue_sizes(settings).values())
            return lambda _: waits
        return files_waiting(settings).__contains__
    except ConnectionError:
        # A broker that is down may come back with its tasks; until then the heartbeat of the run decides.
        return lambda _: True


def _absent(settings: Settings, engine: Engine) -> str | None:
    """Names what is missing for a launch, which would otherwise fail and use up one of its tries."""
    if not _workers_answer(settings):
        return "a worker"
    try:
        return None if connect_gateway(settings, engine).answers() else "the payment gateway"
    except SettingsError:
        # The run of the import reports the error, where people look for it.
        return None


def _workers_answer(settings: Settings) -> bool:
    return not unserved_queues(step_app(settings), WORKERS_ANSWER_WITHIN_SECONDS)
