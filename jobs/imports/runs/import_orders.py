"""The job that imports one order file."""

from dagster import AssetSelection, define_asset_job

from jobs.dagster_seams.asset_jobs import AssetJob
from jobs.runs import LONG_RUN, RunGroup, RunPriority

IMPORT_ORDERS = "import_orders"


def import_orders_job() -> AssetJob:
    """`import_orders`: one run for each partition of `orders`."""
    return define_asset_job(
        IMPORT_ORDERS,
        # The checks read the whole store, so they have a job and a schedule of their own.
        selection=AssetSelection.assets("orders", "rejected_order_rows").without_checks(),
        description="Imports one staged order file, which the partition key identifies.",
        tags=RunGroup.IMPORTS.tag | RunPriority.ASKED_FOR.tag | LONG_RUN,
    )
