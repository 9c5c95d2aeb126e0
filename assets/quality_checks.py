"""Asset checks of data quality. They warn, but block nothing."""

from typing import Any

from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    MetadataValue,
    ResourceParam,
    TableRecord,
    asset_check,
)

from jobs.care.checks import DAYS_IN_TIME, REJECTS_UNDER_LIMIT
from jobs.failures import permanent_failures
from jobs.figures.ops import FIGURES_WORK
from orders_pipeline.verify.quality_checks import files_over_limit, stale_days
from resources.figures import FigureStores

WARN, ROWS_SHOWN = AssetCheckSeverity.WARN, 100


def quality_checks(rejects_limit: float) -> list[AssetChecksDefinition]:
    """All checks of this module.

    Args:
        rejects_limit: share of bad lines that a file may have.
    """

    @asset_check(
        asset=REJECTS_UNDER_LIMIT.asset_key,
        name=REJECTS_UNDER_LIMIT.name,
        description=f"No file of the last 7 days has more than {rejects_limit:.1%} bad lines.",
        op_tags=FIGURES_WORK,
    )
    def rejects_under_limit(figures: ResourceParam[FigureStores]) -> AssetCheckResult:
        with permanent_failures(), figures.open() as published:
            return _none(files_over_limit(published.engine, rejects_limit), "files")

    @asset_check(
        asset=DAYS_IN_TIME.asset_key,
        name=DAYS_IN_TIME.name,
        description="Each day is published within 15 minutes after the last change of its orders.",
        op_tags=FIGURES_WORK,
    )
    def days_in_time(figures: ResourceParam[FigureStores]) -> AssetCheckResult:
        with permanent_failures(), figures.open() as published:
            return _none(stale_days(published.engine), "days")

    return [rejects_under_limit, days_in_time]


def _none(found: list[dict[str, Any]], things: str) -> AssetCheckResult:
    """A check result that passes if nothing was found."""
    if not found:
        return AssetCheckResult(passed=True, severity=WARN, description="holds", metadata={things: 0})
    shown = MetadataValue.table([TableRecord(row) for row in found[:ROWS_SHOWN]])
    first = next(iter(found[0].values()))
    return AssetCheckResult(
        passed=False,
        severity=WARN,
        description=f"{len(found)} {things}, the first is {first}",
        metadata={things: len(found), "found": shown},
    )
