"""The asset `payouts`: what the payment provider booked and paid out on each day; and its checks."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetsDefinition,
    FreshnessPolicy,
    MaterializeResult,
    ResourceParam,
    multi_asset_check,
)

from assets.daily import daily_asset
from assets.metadata import ORDERS_TEAM, column_schema
from jobs.care.payouts import metadata_of, problems_by_check
from jobs.failures import permanent_failures
from jobs.figures.ops import FIGURES_WORK
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.dictionary import PAYOUTS
from orders_pipeline.payouts.daily import payout_figures
from orders_pipeline.payouts.findings import CHECKS
from orders_pipeline.payouts.periods import Period
from orders_pipeline.payouts.reconciling import reconcile
from orders_pipeline.store.engine import reading
from resources.order_store import OrderStore


def payout_assets(settings: Settings) -> list[AssetsDefinition]:
    """Returns all assets of this module."""
    zone, currency = settings.zone, settings.currency

    def payouts(
        context: AssetExecutionContext, order_store: ResourceParam[OrderStore]
    ) -> MaterializeResult[Any]:
        days = list(context.partition_keys)
        with permanent_failures(), order_store.open() as engine, reading(engine) as connection:
            for key in days:
                figures = payout_figures(connection, date.fromisoformat(key), zone)
                context.add_asset_metadata(metadata_of(figures, currency), partition_key=key)
        return MaterializeResult(metadata={"days_in_this_run": len(days)})

    made = daily_asset(
        PAYOUTS,
        settings,
        payouts,
        freshness=FreshnessPolicy.time_window(fail_window=timedelta(hours=48)),
        group="orders",
        kinds={"sql"},
        owners=ORDERS_TEAM,
        metadata=column_schema(PAYOUTS, keys=["day", "currency"]),
    )
    return [made]


def payout_checks(settings: Settings) -> list[AssetChecksDefinition]:
    """Returns all checks of this module.

    They only warn, because only a person can ask a provider or a bank.
    """
    specs = [
        AssetCheckSpec(name, asset=PAYOUTS.name, description=one.statement) for name, one in CHECKS.items()
    ]
    period = Period(None, None, settings.zone, settings.payout_days)

    @multi_asset_check(specs=specs, op_tags=FIGURES_WORK)
    def money_reaches_the_bank(order_store: ResourceParam[OrderStore]) -> Iterator[AssetCheckResult]:
        """Compares all payments, refunds and disputes with the reports, and all payouts with the bank."""
        with permanent_failures(), order_store.open() as engine, reading(engine) as connection:
            found = reconcile(connection, period, examples=1)
        for name, problems in problems_by_check(found).items():
            yield AssetCheckResult(
                check_name=name,
                asset_key=PAYOUTS.name,
                passed=not problems,
                severity=AssetCheckSeverity.WARN,
                description="; ".join(problems) or "holds",
            )

    return [money_reaches_the_bank]
