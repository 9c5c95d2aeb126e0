"""The job that runs the checks of the whole store, its schedule, and the sensor that first launches it."""

from dagster import (
    AssetSelection,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    ScheduleDefinition,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    define_asset_job,
    in_process_executor,
)

from jobs import sensor_intervals
from jobs.dagster_seams.asset_jobs import AssetJob
from jobs.described import described_sensor
from jobs.runs import LONG_RUN, RunGroup, RunPriority
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.dictionary import ORDERS, REJECTED_ORDER_ROWS
from orders_pipeline.imports.import_row import count_imports
from orders_pipeline.store.engine import reading
from resources.order_store import OrderStore

CHECK_EVERYTHING = "check_everything"


def check_jobs() -> list[AssetJob]:
    """Returns all jobs of this module; they run checks and materialize nothing."""
    of_files = AssetSelection.checks_for_assets(ORDERS.name, REJECTED_ORDER_ROWS.name)
    return [
        define_asset_job(
            CHECK_EVERYTHING,
            selection=AssetSelection.all_asset_checks() - of_files,
            executor_def=in_process_executor,
            description="Recomputes every invariant of orders and figures from scratch.",
            tags=RunGroup.CARE.tag | RunPriority.CARE.tag | LONG_RUN,
        )
    ]


def check_schedules(settings: Settings) -> list[ScheduleDefinition]:
    """Returns all schedules of this module, on by default."""
    return [
        ScheduleDefinition(
            name=f"{CHECK_EVERYTHING}_schedule",
            job_name=CHECK_EVERYTHING,
            description="Every night: runs all checks over all orders and days.",
            cron_schedule="30 4 * * *",
            execution_timezone=settings.timezone,
            default_status=DefaultScheduleStatus.RUNNING,
        )
    ]


def check_sensors() -> list[SensorDefinition]:
    """Returns all sensors of this module, on by default."""

    @described_sensor(
        job_name=CHECK_EVERYTHING,
        minimum_interval_seconds=sensor_intervals.FIRST_CHECK,
        default_status=DefaultSensorStatus.RUNNING,
    )
    def first_check_sensor(
        context: SensorEvaluationContext, order_store: ResourceParam[OrderStore]
    ) -> RunRequest | SkipReason:
        """Checks a new store once, after its first imports. After that, the nightly schedule checks it."""
        if context.cursor:
            return SkipReason("the store was checked; the schedule checks it every night")
        with order_store.open() as engine, reading(engine) as connection:
            imports = count_imports(connection)
        if imports[ImportStatus.RUNNING] or not imports[ImportStatus.FINISHED]:
            return SkipReason("no import has finished yet, or one is running")
        context.update_cursor("checked")
        return RunRequest()

    return [first_check_sensor]
