"""Sensors of imports: files that arrive, imports that died, figures that wait to be published."""

import logging
import time
from collections.abc import Iterator

from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunRecord,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)
from dagster._core.storage.dagster_run import FINISHED_STATUSES, IN_PROGRESS_RUN_STATUSES
from sqlalchemy import Engine

from jobs.import_orders import IMPORT_ORDERS
from jobs.kpi_ops import PUBLISH_FIGURES
from jobs.launch import register_partition
from jobs.queues import queue_sizes
from jobs.run_heartbeat import PARTITION_TAG
from orders_pipeline.clock import now_us
from orders_pipeline.import_file import stage_file
from orders_pipeline.importing.errors import FileRefused
from orders_pipeline.importing.options import ReadOptions
from orders_pipeline.inbox import Inbox
from orders_pipeline.kpis.days import dirty_days
from orders_pipeline.model import ImportStatus
from orders_pipeline.settings import Settings
from orders_pipeline.staging import Staging
from orders_pipeline.store.engine import reading
from orders_pipeline.store.imports import running_imports, stall_import
from orders_pipeline.watch import GiveUp, NewestRun, Patience, Relaunch, RunState, judge
from resources.order_store import OrderStore

LOOK_SECONDS = 10
WHILE_IMPORTING_EVERY_SECONDS = 60
ON = DefaultSensorStatus.RUNNING


def import_sensors(settings: Settings) -> list[SensorDefinition]:
    """All sensors of this module, on by default."""
    store, staging, inbox = (
        OrderStore(settings.store_url),
        Staging(settings.staging),
        Inbox(settings.inbox_folder),
    )

    @sensor(job_name=IMPORT_ORDERS, minimum_interval_seconds=LOOK_SECONDS, default_status=ON)
    def inbox_sensor(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        """Makes each complete file in the inbox a partition and a run; a bad one goes to quarantine."""
        requests = []
        with store.open() as engine:
            for path in inbox.complete_files():
                try:
                    staged = stage_file(engine, staging, path, None, None, ReadOptions())
                except FileRefused as refused:
                    inbox.quarantine(path, refused)
                    context.log.error(f"quarantined: {refused.message} {refused.hint}")
                    continue
                register_partition(context.instance, staged.key)
                if staged.status is not ImportStatus.FINISHED:
                    requests.append(RunRequest(run_key=None, partition_key=staged.key))
                inbox.keep(path)
        return (
            SensorResult(run_requests=requests) if requests else SkipReason("no complete file in the inbox")
        )

    @sensor(job_name=IMPORT_ORDERS, minimum_interval_seconds=LOOK_SECONDS, default_status=ON)
    def lost_imports_sensor(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        """Fails runs of imports that died or hang, and launches these imports again, whole."""
        with store.open() as engine:
            requests = list(_relaunch_lost(context.instance, context.log, engine, settings))
        return SensorResult(run_requests=requests) if requests else SkipReason("no import is lost")

    @sensor(job_name=PUBLISH_FIGURES, minimum_interval_seconds=LOOK_SECONDS, default_status=ON)
    def changed_days_sensor(context: SensorEvaluationContext) -> RunRequest | SkipReason:
        """Publishes the figures of days whose orders changed, wherever the import ran; hourly work aside."""
        with store.open() as engine:
            days = dirty_days(engine)
            with reading(engine) as connection:
                busy = bool(running_imports(connection))
        if not days or _is_active(context.instance, PUBLISH_FIGURES):
            return SkipReason(f"{len(days)} changed days, or they are being published")
        if busy and time.time() - float(context.cursor or 0) < WHILE_IMPORTING_EVERY_SECONDS:
            return SkipReason("an import is at work; its days are published once a minute")
        context.update_cursor(str(time.time()))
        return RunRequest()

    return [inbox_sensor, lost_imports_sensor, changed_days_sensor]


def _relaunch_lost(
    instance: DagsterInstance, log: logging.Logger, engine: Engine, settings: Settings
) -> Iterator[RunRequest]:
    with reading(engine) as connection:
        running = running_imports(connection)
    patience = Patience(settings.run_patience, settings.work_patience)
    tasks_wait = _tasks_wait(settings) if running else False
    for found in running:
        record = _newest_run(instance, found.key)
        match judge(found, _seen(record), tasks_wait, patience, now_us()):
            case Relaunch(reason):
                log.warning(f"{found.key} is launched again: {reason}")
                _fail(instance, record, reason)
                yield RunRequest(partition_key=found.key)
            case GiveUp(reason):
                log.error(f"{found.key} is not launched again: {reason}")
                _fail(instance, record, reason)
                with engine.begin() as connection:
                    stall_import(connection, found.id, reason)


def _newest_run(instance: DagsterInstance, key: str) -> RunRecord | None:
    filters = RunsFilter(job_name=IMPORT_ORDERS, tags={PARTITION_TAG: key})
    return next(iter(instance.get_run_records(filters, limit=1)), None)


def _seen(record: RunRecord | None) -> NewestRun:
    if record is None:
        return NewestRun(RunState.MISSING)
    status = record.dagster_run.status
    if status is DagsterRunStatus.CANCELED:
        state = RunState.CANCELED
    elif status in FINISHED_STATUSES:
        state = RunState.ENDED
    elif status in (DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED):
        state = RunState.WAITING
    else:
        state = RunState.STARTED
    return NewestRun(state, int(record.create_timestamp.timestamp() * 1_000_000))


def _fail(instance: DagsterInstance, record: RunRecord | None, reason: str) -> None:
    if record and not record.dagster_run.is_finished:
        instance.report_run_failed(record.dagster_run, f"Given up by the watchdog: {reason}.")


def _tasks_wait(settings: Settings) -> bool:
    try:
        return any(queue_sizes(settings).values())
    except ConnectionError:
        # A broker that is away may come back with its tasks; the run's own process decides meanwhile.
        return True


def _is_active(instance: DagsterInstance, job_name: str) -> bool:
    filters = RunsFilter(job_name=job_name, statuses=[*IN_PROGRESS_RUN_STATUSES, DagsterRunStatus.QUEUED])
    return bool(instance.get_run_ids(filters, limit=1))
