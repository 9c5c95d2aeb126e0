"""Metadata, check results, job and schedule of the asset `payouts`."""

from collections.abc import Mapping
from typing import Any

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
from jobs.figures.partitions import last_days
from jobs.runs import RunGroup, RunPriority
from orders_pipeline.base.amounts.money import json_money
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.dictionary import PAYOUTS
from orders_pipeline.payouts.findings import CHECKS
from orders_pipeline.payouts.reconciling import Reconciliation

REFRESH_PAYOUTS = "refresh_payouts"
# Reports and statements arrive some days late.
DAYS_AGAIN = 14
NO_MONEY = "payout_count"


def metadata_of(figures: Mapping[str, Mapping[str, int]], currency: str) -> dict[str, Any]:
    """Returns the figures of a day as numbers.

    Names of figures not in the default currency end with the code.
    """
    return {
        name if code == currency else f"{name}_{code}": value if name == NO_MONEY else json_money(value, code)
        for code, amounts in figures.items()
        for name, value in amounts.items()
    }


def problems_by_check(found: Reconciliation) -> dict[str, list[str]]:
    """Returns the problems found by each check, as texts."""
    return {
        name: [
            f"{one.number:,} {one.subject} {one.state} in {one.currency}"
            for one in found.problems
            if one.subject in check.subjects
        ]
        for name, check in CHECKS.items()
    }


def payout_jobs() -> list[AssetJob]:
    """All jobs of this module."""
    return [
        define_asset_job(
            REFRESH_PAYOUTS,
            selection=AssetSelection.assets(PAYOUTS.name),
            executor_def=in_process_executor,
            description="Computes the payouts of some days again, and compares all payouts with reports "
            "and bank statements.",
            tags=RunGroup.CARE.tag | RunPriority.CARE.tag,
        )
    ]


def payout_schedules(settings: Settings) -> list[ScheduleDefinition]:
    """All schedules of this module, on by default."""

    @described_schedule(
        job_name=REFRESH_PAYOUTS,
        cron_schedule="40 5 * * *",
        execution_timezone=settings.timezone,
        default_status=DefaultScheduleStatus.RUNNING,
    )
    def refresh_payouts_schedule(context: ScheduleEvaluationContext) -> RunRequest:
        """Every morning: the payouts of the last two weeks, in one run."""
        return last_days(context, settings, before=DAYS_AGAIN)

    return [refresh_payouts_schedule]
