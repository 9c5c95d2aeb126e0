"""The job that recomputes every invariant, and its schedule."""

from dagster import (
    AssetSelection,
    DefaultScheduleStatus,
    ScheduleDefinition,
    define_asset_job,
    in_process_executor,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from orders_pipeline.settings import Settings

CHECK_EVERYTHING = "check_everything"


def check_job() -> UnresolvedAssetJobDefinition:
    """Runs every asset check and materializes nothing."""
    return define_asset_job(
        CHECK_EVERYTHING,
        selection=AssetSelection.all_asset_checks(),
        executor_def=in_process_executor,
        description="Recomputes every invariant of orders and figures from scratch.",
    )


def check_schedules(settings: Settings) -> list[ScheduleDefinition]:
    """Every night, as the checks read the whole store."""
    return [
        ScheduleDefinition(
            name=f"{CHECK_EVERYTHING}_schedule",
            job_name=CHECK_EVERYTHING,
            cron_schedule="30 4 * * *",
            execution_timezone=settings.timezone,
            default_status=DefaultScheduleStatus.RUNNING,
        )
    ]
