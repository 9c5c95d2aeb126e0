"""Asset checks of published figures."""

from collections.abc import Callable
from functools import partial

from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    ResourceParam,
    asset_check,
)

from jobs.figures.ops import BOARD_ASSETS, FIGURES_WORK
from orders_pipeline.figures.kpis.dictionary import DAILY_KPIS
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.verify.check import Check
from orders_pipeline.verify.figure_checks import (
    check_cached_kpis,
    check_leaderboards,
    check_published_files,
    check_published_kpis,
)
from resources.figures import FigureStores


def figure_checks() -> list[AssetChecksDefinition]:
    """All checks of this module."""
    return [
        _check(
            DAILY_KPIS.name,
            "published_files_are_whole",
            "Each published file is as it was written.",
            check_published_files,
        ),
        _check(
            DAILY_KPIS.name,
            "published_days_equal_the_orders",
            "Each published day equals the figures of the order store, except days due for a refresh.",
            check_published_kpis,
        ),
        _check(
            DAILY_KPIS.name,
            "cached_days_equal_the_published",
            "Each day in Redis equals the published day.",
            check_cached_kpis,
        ),
        *(
            _check(
                asset_key,
                "places_equal_the_totals",
                "Each place in Redis has the same score as in the order store.",
                partial(check_leaderboards, boards=(board,)),
            )
            for board, asset_key in BOARD_ASSETS.items()
        ),
    ]


def _check(
    asset_key: str,
    name: str,
    description: str,
    ask: Callable[[PublishedFigures], Check],
) -> AssetChecksDefinition:
    @asset_check(
        asset=asset_key,
        name=name,
        description=description,
        blocking=True,
        op_tags=FIGURES_WORK,
    )
    def checked(figures: ResourceParam[FigureStores]) -> AssetCheckResult:
        with figures.open() as published:
            check = ask(published)
        return AssetCheckResult(passed=check.ok, severity=AssetCheckSeverity.ERROR, description=check.detail)

    return checked
