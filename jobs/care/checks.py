"""The jobs that run asset checks, and their schedules."""

from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetSelection,
    DefaultScheduleStatus,
    ScheduleDefinition,
    define_asset_job,
    in_process_executor,
)

from jobs.dagster_seams.asset_jobs import AssetJob
from jobs.runs import LONG_RUN, RunPriority
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.dictionary import DAILY_KPIS, REJECTED_ORDER_ROWS

CHECK_EVERYTHING, CHECK_QUALITY = "check_everything", "check_quality"
DAYS_IN_TIME = AssetCheckKey(AssetKey(DAILY_KPIS.name), "changed_days_are_published_in_time")
REJECTS_UNDER_LIMIT = AssetCheckKey(AssetKey(REJECTED_ORDER_ROWS.name), "rejected_lines_are_under_the_limit")


def check_jobs() -> list[AssetJob]:
    """All jobs of this module; they run checks and materialize nothing."""
    return [
        define_asset_job(
            CHECK_EVERYTHING,
            selection=AssetSelection.all_asset_checks(),
            executor_def=in_process_executor,
            description="Recomputes every invariant of orders and figures from scratch.",
            tags=RunPriority.CARE.tag | LONG_RUN,
        ),
        define_asset_job(
            CHECK_QUALITY,
            selection=AssetSelection.checks(DAYS_IN_TIME, REJECTS_UNDER_LIMIT),
            executor_def=in_process_executor,
            description="Checks for late figures and for files with many rejected lines.",
            tags=RunPriority.CARE.tag,
        ),
    ]


def check_schedules(settings: Settings) -> list[ScheduleDefinition]:
    """Every night the checks that read the whole store, every hour the cheap ones."""
    return [
        ScheduleDefinition(
            name=f"{CHECK_QUALITY}_schedule",
            job_name=CHECK_QUALITY,
            description="Every hour: the checks that cost little.",
            cron_schedule="20 * * * *",
            default_status=DefaultScheduleStatus.RUNNING,
        ),
        ScheduleDefinition(
            name=f"{CHECK_EVERYTHING}_schedule",
            job_name=CHECK_EVERYTHING,
            description="Every night: all checks, over all orders and days.",
            cron_schedule="30 4 * * *",
            execution_timezone=settings.timezone,
            default_status=DefaultScheduleStatus.RUNNING,
        ),
    ]
