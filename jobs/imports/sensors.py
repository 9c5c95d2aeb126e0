"""Sensors of imports: for arriving files, lost imports, and refused files."""

from collections.abc import Callable, Sequence
from functools import partial

from dagster import (
    DefaultSensorStatus,
    ResourceParam,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
)

from jobs import sensor_intervals
from jobs.described import described_sensor
from jobs.imports.background import Background
from jobs.imports.dismissals import delete_dismissed, dismiss_deleted
from jobs.imports.launching.launcher_signs import is_launching
from jobs.imports.launching.launching import launch_requests, shared_requests
from jobs.imports.lost.dead_runs import RunPatience, fail_dead_runs
from jobs.imports.lost.watchdog import relaunch_lost
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from jobs.imports.runs.small_files import IMPORT_SMALL_FILES
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.arrival.dropped_files import DroppedFiles
from orders_pipeline.imports.arrival.intake import current_pause
from orders_pipeline.imports.state.lost_imports import PAUSES, HeartbeatClock, Patience
from orders_pipeline.staging.inbox import STABLE_SECONDS, Inbox
from orders_pipeline.store.engine import reading
from resources.file_imports import FileImports
from resources.order_store import OrderStore

ON = DefaultSensorStatus.RUNNING
# Seconds that a tick waits for the files that it stages. Staging of large or many files continues after the
# tick.
ATTEND_SECONDS = 5.0


def import_sensors(
    settings: Settings, stable_seconds: float = STABLE_SECONDS, pauses: Sequence[float] = PAUSES
) -> list[SensorDefinition]:
    """Returns all sensors of this module, on by default.

    Args:
        stable_seconds: seconds for which a file in the inbox must not change before it counts as complete.
        pauses: seconds of silence before each further launch of an import without progress.
    """
    inbox = Inbox(settings.inbox_folder, stable_seconds)
    return [
        _inbox_sensor(inbox, settings),
        _small_files_sensor(settings),
        _lost_imports_sensor(settings, tuple(pauses)),
        _refused_files_sensor(),
    ]


def _inbox_sensor(inbox: Inbox, settings: Settings) -> SensorDefinition:
    dropped, background = DroppedFiles(inbox, settings.zone), Background()

    @described_sensor(
        job_name=IMPORT_ORDERS, minimum_interval_seconds=sensor_intervals.INBOX, default_status=ON
    )
    def inbox_sensor(
        context: SensorEvaluationContext, file_imports: ResourceParam[FileImports]
    ) -> SensorResult | SkipReason:
        """Stages each complete file in the inbox and launches its import; moves bad files to quarantine."""
        with file_imports.order_store.open() as engine:
            with reading(engine) as connection:
                if pause := current_pause(connection):
                    return SkipReason(f"files wait in the inbox: {pause}")
            trouble = _attend(background, partial(_take_in, dropped, file_imports))
            requests = [] if is_launching(settings) else launch_requests(context.instance, engine)
        if trouble and not requests:
            raise trouble
        if trouble:
            context.log.error(f"Files wait in the inbox: {trouble}")
        if requests:
            return SensorResult(run_requests=requests)
        return SkipReason("no complete file in the inbox, or the launcher launches its import")

    return inbox_sensor


def _attend(background: Background, work: Callable[[], None]) -> Exception | None:
    try:
        background.attend(work, ATTEND_SECONDS)
    except Exception as error:  # noqa: BLE001 what is staged is launched first
        return error
    return None


def _take_in(dropped: DroppedFiles, file_imports: FileImports) -> None:
    with file_imports.order_store.open() as engine:
        while dropped.take_in(engine, file_imports.staging):
            pass


def _small_files_sensor(settings: Settings) -> SensorDefinition:
    @described_sensor(
        job_name=IMPORT_SMALL_FILES,
        minimum_interval_seconds=sensor_intervals.SMALL_FILES,
        default_status=ON,
    )
    def small_files_sensor(
        context: SensorEvaluationContext, order_store: ResourceParam[OrderStore]
    ) -> SensorResult | SkipReason:
        """Launches shared runs for many small files of the inbox, or many small reopened imports."""
        if is_launching(settings):
            return SkipReason("the launcher launches the runs of small files")
        with order_store.open() as engine:
            requests = shared_requests(context.instance, engine, settings)
        if requests:
            return SensorResult(run_requests=requests)
        return SkipReason("few small files wait, or runs for them are under way")

    return small_files_sensor


def _lost_imports_sensor(settings: Settings, pauses: tuple[float, ...]) -> SensorDefinition:
    signs = HeartbeatClock()
    patience = Patience(settings.run_patience, settings.work_patience, pauses)

    @described_sensor(
        job_name=IMPORT_ORDERS, minimum_interval_seconds=sensor_intervals.LOST_IMPORTS, default_status=ON
    )
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


def _refused_files_sensor() -> SensorDefinition:
    @described_sensor(minimum_interval_seconds=sensor_intervals.REFUSED_FILES, default_status=ON)
    def refused_files_sensor(
        context: SensorEvaluationContext, order_store: ResourceParam[OrderStore]
    ) -> SkipReason:
        """Deletes partitions of dismissed files, and dismisses refused files whose partitions are deleted."""
        now = now_us()
        with order_store.open() as engine:
            deleted = delete_dismissed(context.instance, engine, int(context.cursor or 0))
            dismissed = dismiss_deleted(context.instance, engine)
        context.update_cursor(str(now))
        return SkipReason(f"partitions deleted: {deleted or 'none'}; files dismissed: {dismissed or 'none'}")

    return refused_files_sensor
