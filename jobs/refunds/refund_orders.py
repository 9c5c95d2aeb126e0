"""The job that makes refunds."""

from dagster import AssetSelection, define_asset_job

from jobs.dagster_seams.asset_jobs import AssetJob
from jobs.runs import LONG_RUN, RunGroup, RunPriority

REFUND_ORDERS = "refund_orders"


def refund_orders_job() -> AssetJob:
    """Returns `refund_orders`, which settles all open refunds."""
    return define_asset_job(
        REFUND_ORDERS,
        selection=AssetSelection.assets("refunds").without_checks(),
        description="Sends every open refund to the payment gateway and settles it.",
        tags=RunGroup.MONEY.tag | RunPriority.ASKED_FOR.tag | LONG_RUN,
    )
