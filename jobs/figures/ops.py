"""The ops and the job that bring published figures up to date with the orders."""

from dagster import (
    AssetMaterialization,
    In,
    Nothing,
    OpExecutionContext,
    ResourceParam,
    in_process_executor,
    job,
    op,
)

from jobs.dagster_seams.check_events import log_check
from jobs.failures import THREE_TRIES, permanent_failures
from jobs.figures.day_checks import day_evaluations
from jobs.figures.metadata import BOARDS, board_metadata, day_materializations
from jobs.runs import RunPriority
from jobs.workers.priorities import Priority, priority_tag
from jobs.workers.work import SHORT_WORK
from resources.figures import FigureStores

FIGURES_WORK = SHORT_WORK | priority_tag(Priority.FIGURES)
PUBLISH_FIGURES = "publish_figures"
BOARD_ASSETS = {board: dataset.name for board, dataset in BOARDS.items()}


@op(ins={"after": In(Nothing)}, retry_policy=THREE_TRIES, tags=FIGURES_WORK)
def refresh_touched_days(context: OpExecutionContext, figures: ResourceParam[FigureStores]) -> None:
    """Publishes and checks each KPI day whose orders changed since, also for other tools."""
    with permanent_failures(), figures.open() as published:
        refreshed = published.refresh_dirty_days()
        days = {one.day for one in refreshed}
        events = day_materializations(refreshed, published.currency)
        checks = day_evaluations(published, days) if days else []
        published.update_tables()
    for event in events:
        context.log_event(event)
    for evaluation in checks:
        log_check(context, evaluation)
    context.add_output_metadata({"days": len(events)})


@op(ins={"after": In(Nothing)}, retry_policy=THREE_TRIES, tags=FIGURES_WORK)
def rebuild_leaderboards(context: OpExecutionContext, figures: ResourceParam[FigureStores]) -> None:
    """Rebuilds both leaderboards from the order store."""
    with permanent_failures(), figures.open() as published:
        for board, asset_key in BOARD_ASSETS.items():
            metadata = board_metadata(published, board, published.boards.rebuild_all(board))
            context.log_event(AssetMaterialization(asset_key, metadata=metadata))


@job(name=PUBLISH_FIGURES, executor_def=in_process_executor, tags=RunPriority.FIGURES.tag)
def publish_figures_job() -> None:
    """Publishes the KPI days whose orders changed, and both leaderboards."""
    rebuild_leaderboards(refresh_touched_days())
