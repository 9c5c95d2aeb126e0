"""Published days and leaderboards that an op of a plain job logs, with the results of their checks."""

from collections.abc import Sequence

from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    AssetKey,
    AssetMaterialization,
    OpExecutionContext,
)

from jobs.dagster_seams.check_events import log_check
from jobs.dagster_seams.provenance import provenance
from jobs.figures.day_checks import day_evaluations
from jobs.figures.metadata import BOARDS, board_metadata, metadata_by_day
from orders_pipeline.figures.kpis.dictionary import DAILY_KPIS, REFUNDS
from orders_pipeline.figures.kpis.refresh import PublishedDay
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.verify.figure_checks import check_leaderboards

BOARD_CHECK = "places_equal_the_totals"
INPUTS = (REFUNDS.name,)


def log_days(
    context: OpExecutionContext, figures: PublishedFigures, published: Sequence[PublishedDay], console: str
) -> int:
    """Logs published days and the results of their checks; returns the number of days."""
    days = dict(metadata_by_day(published, figures.currency, console))
    for day, metadata in days.items():
        context.log_event(
            AssetMaterialization(
                DAILY_KPIS.name,
                partition=day.isoformat(),
                metadata=metadata,
                tags=provenance(DAILY_KPIS.version, INPUTS),
            )
        )
    for evaluation in day_evaluations(figures, days.keys()) if days else []:
        log_check(context, evaluation)
    return len(days)


def log_board(context: OpExecutionContext, figures: PublishedFigures, board: Board, console: str) -> None:
    """Rebuilds a leaderboard, and logs it and the result of its check."""
    dataset, members = BOARDS[board], figures.boards.rebuild_all(board)
    check = check_leaderboards(figures, boards=(board,))
    context.log_event(
        AssetMaterialization(
            dataset.name,
            metadata=board_metadata(figures, board, members, console),
            tags=provenance(dataset.version, INPUTS),
        )
    )
    evaluation = AssetCheckEvaluation(
        asset_key=AssetKey(dataset.name),
        check_name=BOARD_CHECK,
        passed=check.ok,
        metadata={},
        severity=AssetCheckSeverity.ERROR,
        description=check.detail,
        blocking=True,
    )
    log_check(context, evaluation)
