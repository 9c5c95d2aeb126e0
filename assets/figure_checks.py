"""Asset checks of published figures."""

from collections.abc import Iterator

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    ResourceParam,
    asset_check,
    multi_asset_check,
)

from jobs.failures import permanent_failures
from jobs.figures.day_checks import DAY_CHECKS, check_days
from jobs.figures.logged import BOARD_CHECK
from jobs.figures.ops import BOARD_ASSETS, FIGURES_WORK
from jobs.figures.partitions import days_of_run
from orders_pipeline.figures.kpis.dictionary import DAILY_KPIS
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.verify.figure_checks import check_leaderboards
from resources.figures import FigureStores


def figure_checks() -> list[AssetChecksDefinition]:
    """Returns all checks of this module."""
    return [_day_checks(), *(_board_check(board, asset_key) for board, asset_key in BOARD_ASSETS.items())]


def _day_checks() -> AssetChecksDefinition:
    specs = [
        AssetCheckSpec(name, asset=DAILY_KPIS.name, description=one.statement, blocking=one.blocking)
        for name, one in DAY_CHECKS.items()
    ]

    # One step for all checks, because a step costs more time than the checks of a day.
    @multi_asset_check(specs=specs, op_tags=FIGURES_WORK)
    def published_days_are_right(
        context: AssetCheckExecutionContext, figures: ResourceParam[FigureStores]
    ) -> Iterator[AssetCheckResult]:
        """Checks the days of this run. A run without days, such as the nightly one, checks all days."""
        with permanent_failures(), figures.open() as published:
            found = check_days(published, days_of_run(context.run))
        for name, check in found.items():
            yield AssetCheckResult(
                check_name=name,
                asset_key=DAILY_KPIS.name,
                passed=check.ok,
                severity=DAY_CHECKS[name].severity,
                description=check.detail,
            )

    return published_days_are_right


def _board_check(board: Board, asset_key: str) -> AssetChecksDefinition:
    @asset_check(
        asset=asset_key,
        name=BOARD_CHECK,
        description="Each place in Redis has the same score as in the order store.",
        blocking=True,
        op_tags=FIGURES_WORK,
    )
    def checked(figures: ResourceParam[FigureStores]) -> AssetCheckResult:
        with permanent_failures(), figures.open() as published:
            check = check_leaderboards(published, boards=(board,))
        return AssetCheckResult(passed=check.ok, severity=AssetCheckSeverity.ERROR, description=check.detail)

    return checked
