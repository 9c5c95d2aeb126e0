"""Sensors of imports: for files that arrive, and for lost imports."""

from collections.abc import Sequence

from dagster import (
    DagsterInstance,
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from jobs.imports.dead_runs import RunPatience, fail_dead_runs
from jobs.imports.import_orders import IMPORT_ORDERS
from jobs.imports.partitions import register_partition
from jobs.imports.watchdog import relaunch_lost
from jobs.runs import RunPriority
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.intake import current_pause
from orders_pipeline.imports.staged import stage_file
from orders_pipeline.imports.watchdog import PAUSES, HeartbeatClock, Patience
from orders_pipeline.staging.inbox import STABLE_SECONDS, Inbox
from orders_pipeline.store.engine import reading
from resources.file_imports import FileImports
from resources.order_store import OrderStore

LOOK_SECONDS = 10
ON = DefaultSensorStatus.RUNNING
RUN_KEY_TAG = "dagster/run_key"


def import_sensors(
    settings: Settings, stable_seconds: float = STABLE_SECONDS, pauses: Sequence[float] = PAUSES
) -> list[SensorDefinition]:
    """All sensors of this module, on by default.

    Args:
        stable_seconds: how long a file in the inbox must stay as it is before it counts as complete.
        pauses: seconds of silence before each further launch of an import without progress.
    """
    inbox = Inbox(settings.inbox_folder, stable_seconds)
    return [_inbox_sensor(inbox), _lost_imports_sensor(settings, tuple(pauses))]


def _inbox_sensor(inbox: Inbox) -> SensorDefinition:
    @sensor(job_name=IMPORT_ORDERS, minimum_interval_seconds=LOOK_SECONDS, default_status=ON)
    def inbox_sensor(
        context: SensorEvaluationContext, file_imports: ResourceParam[FileImports]
    ) -> SensorResult | SkipReason:
        """Registers and launches each complete file in the inbox; moves an unreadable file to quarantine."""
        requests = []
        with file_imports.order_store.open() as engine:
            with reading(engine) as connection:
                if pause := current_pause(connection):
                    return SkipReason(f"files wait in the inbox: {pause}")
            for path in inbox.complete_files():
                dropped_at = path.stat().st_ctime_ns
                try:
                    staged = stage_file(engine, file_imports.staging, path)
                except FileRefused as refused:
                    inbox.quarantine(path, refused)
                    context.log.error(f"quarantined: {refused.message} {refused.hint}")
                    continue
                register_partition(context.instance, staged.key)
                # The file stays until its run exists: if the daemon dies now, it requests the same run again.
                run_key = f"{staged.key}/{dropped_at}"
                if staged.status is ImportStatus.FINISHED or _was_launched(context.instance, run_key):
                    inbox.keep(path)
                else:
                    requests.append(
                        RunRequest(run_key=run_key, partition_key=staged.key, tags=RunPriority.INBOX.tag)
                    )
        return (
            SensorResult(run_requests=requests) if requests else SkipReason("no complete file in the inbox")
        )

    return inbox_sensor


def _lost_imports_sensor(settings: Settings, pauses: tuple[float, ...]) -> SensorDefinition:
    signs = HeartbeatClock()
    patience = Patience(settings.run_patience, settings.work_patience, pauses)

    @sensor(job_name=IMPORT_ORDERS, minimum_interval_seconds=LOOK_SECONDS, default_status=ON)
    def lost_imports_sensor(
        context: SensorEvaluationContext, order_store: ResourceParam[OrderStore]
    ) -> SensorResult | SkipReason:
        """Marks dead and hanging runs as failed, and launches their imports again."""
        with order_store.open() as engine:
            requests = list(relaunch_lost(context, engine, settings, signs, patience))
            dead = fail_dead_runs(context.instance, engine, signs, RunPatience(settings.run_patience))
        if requests:
            return SensorResult(run_requests=requests)
        return SkipReason(
            f"no import is lost; {dead} other dead runs failed" if dead else "no import is lost"
        )

    return lost_imports_sensor


def _was_launched(instance: DagsterInstance, run_key: str) -> bool:
    return bool(instance.get_run_records(RunsFilter(tags={RUN_KEY_TAG: run_key}), limit=1))
