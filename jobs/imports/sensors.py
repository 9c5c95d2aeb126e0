"""Sensors of imports: files that arrive, and imports that died."""

from dagster import (
    DagsterInstance,
    DefaultSensorStatus,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from jobs.imports.dead_runs import fail_dead_runs
from jobs.imports.import_orders import IMPORT_ORDERS
from jobs.imports.partitions import register_partition
from jobs.imports.watchdog import relaunch_lost
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.intake import current_pause
from orders_pipeline.imports.staged import stage_file
from orders_pipeline.imports.watchdog import SignsOfLife
from orders_pipeline.staging.inbox import STABLE_SECONDS, Inbox
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.engine import reading
from resources.order_store import OrderStore

LOOK_SECONDS = 10
ON = DefaultSensorStatus.RUNNING
RUN_KEY_TAG = "dagster/run_key"


def import_sensors(settings: Settings) -> list[SensorDefinition]:
    """All sensors of this module, on by default."""
    store, staging, inbox = (
        OrderStore(settings.store_url),
        open_staging(settings),
        Inbox(settings.inbox_folder, STABLE_SECONDS),
    )
    signs = SignsOfLife()

    @sensor(job_name=IMPORT_ORDERS, minimum_interval_seconds=LOOK_SECONDS, default_status=ON)
    def inbox_sensor(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        """Makes each complete file in the inbox a partition and a run; a bad one goes to quarantine."""
        requests = []
        with store.open() as engine:
            with reading(engine) as connection:
                if pause := current_pause(connection):
                    return SkipReason(f"files wait in the inbox: {pause}")
            for path in inbox.complete_files():
                dropped_at = path.stat().st_ctime_ns
                try:
                    staged = stage_file(engine, staging, path)
                except FileRefused as refused:
                    inbox.quarantine(path, refused)
                    context.log.error(f"quarantined: {refused.message} {refused.hint}")
                    continue
                register_partition(context.instance, staged.key)
                # It stays until its run is there: a daemon that dies now asks for the same run again.
                run_key = f"{staged.key}/{dropped_at}"
                if staged.status is ImportStatus.FINISHED or _was_launched(context.instance, run_key):
                    inbox.keep(path)
                else:
                    requests.append(RunRequest(run_key=run_key, partition_key=staged.key))
        return (
            SensorResult(run_requests=requests) if requests else SkipReason("no complete file in the inbox")
        )

    @sensor(job_name=IMPORT_ORDERS, minimum_interval_seconds=LOOK_SECONDS, default_status=ON)
    def lost_imports_sensor(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        """Fails runs that died or hang, and launches the imports among them again, whole."""
        with store.open() as engine:
            requests = list(relaunch_lost(context, engine, settings, signs))
            dead = fail_dead_runs(context.instance, engine, signs, settings.run_patience)
        if requests:
            return SensorResult(run_requests=requests)
        return SkipReason(
            f"no import is lost; {dead} other dead runs failed" if dead else "no import is lost"
        )

    return [inbox_sensor, lost_imports_sensor]


def _was_launched(instance: DagsterInstance, run_key: str) -> bool:
    return bool(instance.get_run_records(RunsFilter(tags={RUN_KEY_TAG: run_key}), limit=1))
