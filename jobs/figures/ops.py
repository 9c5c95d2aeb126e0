"""The ops and the job that update published figures after orders have changed."""

from dagster import In, Nothing, OpExecutionContext, ResourceParam, in_process_executor, job, op

from jobs.failures import THREE_TRIES, permanent_failures
from jobs.figures.logged import log_board, log_days
from jobs.figures.metadata import BOARDS
from jobs.runs import RunGroup, RunPriority
from jobs.workers.priorities import Priority, priority_tag
from jobs.workers.work import SHORT_WORK
from resources.figures import FigureStores

FIGURES_WORK = SHORT_WORK | priority_tag(Priority.FIGURES)
PUBLISH_FIGURES = "publish_figures"
BOARD_ASSETS = {board: dataset.name for board, dataset in BOARDS.items()}


@op(ins={"after": In(Nothing)}, retry_policy=THREE_TRIES, tags=FIGURES_WORK)
def refresh_touched_days(context: OpExecutionContext, figures: ResourceParam[FigureStores]) -> None:
    """Publishes and checks each KPI day with changed orders, and updates the tables for other tools."""
    with permanent_failures(), figures.open() as published:
        days = log_days(context, published, published.refresh_dirty_days(), figures.console_url)
        published.update_tables()
    context.add_output_metadata({"days": days})


@op(ins={"after": In(Nothing)}, retry_policy=THREE_TRIES, tags=FIGURES_WORK)
def rebuild_leaderboards(context: OpExecutionContext, figures: ResourceParam[FigureStores]) -> None:
    """Rebuilds both leaderboards from the order store, and checks them."""
    with permanent_failures(), figures.open() as published:
        for board in BOARD_ASSETS:
            log_board(context, published, board, figures.console_url)


@job(
    name=PUBLISH_FIGURES,
    executor_def=in_process_executor,
    tags=RunGroup.FIGURES.tag | RunPriority.FIGURES.tag,
)
def publish_figures_job() -> None:
    """Publishes the KPI days whose orders changed, and both leaderboards."""
    rebuild_leaderboards(refresh_touched_days())
