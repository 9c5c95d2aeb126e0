"""Schedules of the figures. They refresh figures without waiting for an import."""

from collections.abc import Sequence

from dagster import (
    AssetSelection,
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    define_asset_job,
    in_process_executor,
)

from jobs.dagster_seams.asset_jobs import AssetJob
from jobs.described import described_schedule
from jobs.figures.ops import BOARD_ASSETS
from jobs.figures.partitions import last_days
from jobs.runs import RunGroup, RunPriority
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.dictionary import DAILY_KPIS

REFRESH_RECENT_KPIS, REBUILD_LEADERBOARDS = "refresh_recent_kpis", "rebuild_boards"
ON = DefaultScheduleStatus.RUNNING


def figure_jobs() -> Sequence[AssetJob]:
    """Returns all jobs of this module."""
    return [
        define_asset_job(
            REFRESH_RECENT_KPIS,
            selection=AssetSelection.assets(DAILY_KPIS.name),
            executor_def=in_process_executor,
            description="Recomputes and checks the KPIs of some days, even if their orders have not changed.",
            tags=RunGroup.FIGURES.tag | RunPriority.FIGURES.tag,
        ),
        define_asset_job(
            REBUILD_LEADERBOARDS,
            selection=AssetSelection.assets(*BOARD_ASSETS.values()),
            executor_def=in_process_executor,
            description="Rebuilds both leaderboards from the order store, and checks them.",
            tags=RunGroup.FIGURES.tag | RunPriority.FIGURES.tag,
        ),
    ]


def figure_schedules(settings: Settings) -> list[ScheduleDefinition]:
    """Returns all schedules of this module, on by default."""

    @described_schedule(
        job_name=REFRESH_RECENT_KPIS,
        cron_schedule="5 * * * *",
        execution_timezone=settings.timezone,
        default_status=ON,
    )
    def refresh_recent_kpis_schedule(context: ScheduleEvaluationContext) -> RunRequest:
        """Every hour: the KPIs of yesterday and today, in one run."""
        return last_days(context, settings, before=1)

    return [
        refresh_recent_kpis_schedule,
        ScheduleDefinition(
            name="rebuild_boards_schedule",
            job_name=REBUILD_LEADERBOARDS,
            description="Every half hour: rebuilds both leaderboards, in case Redis lost changes.",
            cron_schedule="*/30 * * * *",
            default_status=ON,
        ),
    ]
