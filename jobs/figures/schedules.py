"""Schedules of the figures: they refresh what no import touched, and take snapshots of the queues."""

from collections.abc import Sequence
from datetime import timedelta

from dagster import (
    AssetMaterialization,
    AssetSelection,
    DefaultScheduleStatus,
    JobDefinition,
    OpExecutionContext,
    ResourceParam,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    define_asset_job,
    in_process_executor,
    job,
    op,
    schedule,
)

from jobs.dagster_seams.asset_jobs import AssetJob
from jobs.failures import THREE_TRIES, permanent_failures
from jobs.figures.ops import BOARD_ASSETS, FIGURES_WORK
from jobs.runs import RunPriority
from jobs.workers.queues import queue_sizes
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.dictionary import DAILY_KPIS, PIPELINE_SNAPSHOT
from orders_pipeline.monitoring.snapshots import take_snapshot
from resources.figures import FigureStores

REFRESH_RECENT_KPIS, REBUILD_LEADERBOARDS, TAKE_SNAPSHOT = (
    "refresh_recent_kpis",
    "rebuild_boards",
    "take_snapshot",
)
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
ON = DefaultScheduleStatus.RUNNING
Jobs = Sequence[JobDefinition | AssetJob]


def figure_jobs(settings: Settings) -> Jobs:
    """All jobs of this module."""
    return [
        define_asset_job(
            REFRESH_RECENT_KPIS,
            selection=AssetSelection.assets(DAILY_KPIS.name).without_checks(),
            executor_def=in_process_executor,
            description="Recomputes the KPIs of some days, whether their orders changed or not.",
            tags=RunPriority.FIGURES.tag,
        ),
        define_asset_job(
            REBUILD_LEADERBOARDS,
            selection=AssetSelection.assets(*BOARD_ASSETS.values()).without_checks(),
            executor_def=in_process_executor,
            description="Rebuilds both leaderboards from the order store.",
            tags=RunPriority.FIGURES.tag,
        ),
        _snapshot_job(settings),
    ]


def figure_schedules(settings: Settings) -> list[ScheduleDefinition]:
    """All schedules of this module, on by default."""

    @schedule(
        job_name=REFRESH_RECENT_KPIS,
        cron_schedule="5 * * * *",
        execution_timezone=settings.timezone,
        default_status=ON,
    )
    def refresh_recent_kpis_schedule(context: ScheduleEvaluationContext) -> RunRequest:
        """Every hour: the KPIs of yesterday and today, in one run."""
        day = context.scheduled_execution_time.astimezone(settings.zone).date()
        first = max(day - timedelta(days=1), settings.first_day)
        return RunRequest(tags={RANGE_START: first.isoformat(), RANGE_END: day.isoformat()})

    return [
        refresh_recent_kpis_schedule,
        ScheduleDefinition(
            name="rebuild_boards_schedule",
            job_name=REBUILD_LEADERBOARDS,
            cron_schedule="*/30 * * * *",
            default_status=ON,
        ),
        ScheduleDefinition(
            name="take_snapshot_schedule",
            job_name=TAKE_SNAPSHOT,
            cron_schedule="*/5 * * * *",
            default_status=ON,
        ),
    ]


def _snapshot_job(settings: Settings) -> JobDefinition:
    @op(name="note_queues_and_throughput", retry_policy=THREE_TRIES, tags=FIGURES_WORK)
    def note_queues_and_throughput(context: OpExecutionContext, figures: ResourceParam[FigureStores]) -> None:
        """Stores a snapshot of queues and throughput for the plots, and removes old snapshots."""
        sizes = _sizes(settings)
        with permanent_failures(), figures.open() as published:
            live = published.live.figures(published.currency)
            take_snapshot(published.engine, sizes)
        waiting = {f"waiting_{queue}": size for queue, size in sizes.items()}
        context.log_event(AssetMaterialization(PIPELINE_SNAPSHOT.name, metadata={**waiting, **live}))

    @job(name=TAKE_SNAPSHOT, executor_def=in_process_executor, tags=RunPriority.CARE.tag)
    def note_queues() -> None:
        """Takes a snapshot of queues and throughput."""
        note_queues_and_throughput()

    return note_queues


def _sizes(settings: Settings) -> dict[str, int]:
    try:
        return queue_sizes(settings)
    except ConnectionError:
        # An alert reports the broker. A snapshot of the orders is still worth a row.
        return {}
