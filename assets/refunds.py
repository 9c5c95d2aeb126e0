"""The asset `refunds`: money refunded to customers."""

from typing import Any

from dagster import AssetIn, AssetsDefinition, Nothing, graph_asset

from assets.lineage import AS_THE_STORE_KNOWS
from assets.metadata import ORDERS_TEAM, column_schema
from jobs.refunds.ops import find_open_refunds, settle_refunds, summarize_refunds
from orders_pipeline.figures.kpis.dictionary import REFUNDS


@graph_asset(
    name=REFUNDS.name,
    description=REFUNDS.meaning,
    group_name="orders",
    ins={
        "orders": AssetIn("orders", dagster_type=Nothing, partition_mapping=AS_THE_STORE_KNOWS),
    },
    code_version=REFUNDS.version,
    kinds={"celery", "sql"},
    owners=ORDERS_TEAM,
    metadata=column_schema(REFUNDS, keys=["refund_id"]),
)
def refunds(orders: Any) -> Any:
    """Settles ranges of open refunds in parallel, and sums up the results."""
    return summarize_refunds(find_open_refunds(orders).map(settle_refunds).collect())


def refund_assets() -> list[AssetsDefinition]:
    """Returns all assets of this module."""
    return [refunds]
