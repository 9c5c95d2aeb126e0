"""The checks of published days. They run with each refresh for its days, and at night for all days."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date

from dagster import AssetCheckEvaluation, AssetCheckSeverity, AssetKey

from orders_pipeline.figures.kpis.dictionary import DAILY_KPIS
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.verify.check import Check
from orders_pipeline.verify.figure_checks import (
    Days,
    check_cached_kpis,
    check_published_files,
    check_published_kpis,
)
from orders_pipeline.verify.late_days import check_published_in_time


@dataclass(frozen=True, slots=True)
class DayCheck:
    """A statement about published days, the function that checks it, and the severity of a violation."""

    statement: str
    ask: Callable[[PublishedFigures, Days], Check]
    severity: AssetCheckSeverity = AssetCheckSeverity.ERROR

    @property
    def blocking(self) -> bool:
        """Whether assets that depend on wrong days are not materialized."""
        return self.severity is AssetCheckSeverity.ERROR


DAY_CHECKS = {
    "published_files_are_whole": DayCheck("Each published file is as it was written.", check_published_files),
    "published_days_equal_the_orders": DayCheck(
        "Each published day equals the figures of the order store, except days due for a refresh.",
        check_published_kpis,
    ),
    "cached_days_equal_the_published": DayCheck(
        "Each day in Redis equals the published day.", check_cached_kpis
    ),
    "changed_days_are_published_in_time": DayCheck(
        "Each day is published within 15 minutes after the last change of its orders.",
        lambda figures, _: check_published_in_time(figures.engine),
        AssetCheckSeverity.WARN,
    ),
}


def check_days(figures: PublishedFigures, days: Days) -> dict[str, Check]:
    """Returns the result of each check, for these days or for all days."""
    return {name: one.ask(figures, days) for name, one in DAY_CHECKS.items()}


def day_evaluations(figures: PublishedFigures, days: Collection[date]) -> list[AssetCheckEvaluation]:
    """Returns the results for days that a job without assets published, for Dagster's event log."""
    return [
        AssetCheckEvaluation(
            asset_key=AssetKey(DAILY_KPIS.name),
            check_name=name,
            passed=check.ok,
            metadata={"days": len(days)},
            severity=DAY_CHECKS[name].severity,
            description=check.detail,
            blocking=DAY_CHECKS[name].blocking,
        )
        for name, check in check_days(figures, days).items()
    ]
