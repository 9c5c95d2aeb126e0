"""The columns of orders and refunds from which each column of the figures is computed."""

from collections.abc import Iterator, Mapping
from typing import Any

from dagster import AssetKey, TableColumnDep, TableColumnLineage

from orders_pipeline.figures.kpis.dictionary import (
    CUSTOMER_LEADERBOARD,
    DAILY_KPIS,
    ORDERS,
    PRODUCT_LEADERBOARD,
    REFUNDS,
    Dataset,
)

# By source asset: the columns of a figure, and the columns of the source from which they are computed.
Made = Mapping[str, Mapping[str, str]]
KPIS: Made = {
    ORDERS.name: {
        "day": "day",
        "currency": "currency",
        "order_count orders_received orders_failed orders_rolled_back out_of_stock_orders payments_declined "
        "payment_success_rate declines_by_reason": "day currency status",
        "total_revenue average_order_value recorded_revenue net_revenue "
        "out_of_stock_revenue": "day currency status total",
        "unique_customers new_customers returning_customers": "day currency status customer_id",
        "median_seconds_to_settle p95_seconds_to_settle": "day currency status loaded_at",
        "units_sold gross_sales discounts shipping tax fees tips unexplained rounding "
        "tax_included": "day currency status id",
    },
    REFUNDS.name: {
        "day": "day",
        "refunded net_revenue disputed": "day kind status amount",
        "refunded_of_orders": "order_id kind status amount",
        "refund_count": "day kind status",
        "dispute_fees": "day kind status fee",
    },
}
CUSTOMERS: Made = {
    ORDERS.name: {
        "customer_id": "customer_id",
        "order_count": "customer_id status",
        "total_spent rank": "customer_id currency status total",
    },
    REFUNDS.name: {"total_spent rank": "order_id kind status amount"},
}
PRODUCTS: Made = {
    ORDERS.name: {
        "product_sku product_name total_quantity total_revenue order_count rank": "id currency status"
    },
    REFUNDS.name: {"total_quantity total_revenue rank": "order_id status"},
}
LINEAGE = {
    DAILY_KPIS.name: KPIS,
    CUSTOMER_LEADERBOARD.name: CUSTOMERS,
    PRODUCT_LEADERBOARD.name: PRODUCTS,
}


def column_lineage(dataset: Dataset) -> dict[str, Any]:
    """Returns metadata with the columns from which each column of a dataset is computed."""
    deps: dict[str, list[TableColumnDep]] = {}
    for column, dep in _pairs(LINEAGE[dataset.name]):
        deps.setdefault(column, []).append(dep)
    return {"dagster/column_lineage": TableColumnLineage(deps)}


def _pairs(made: Made) -> Iterator[tuple[str, TableColumnDep]]:
    for asset, columns in made.items():
        for names, sources in columns.items():
            for name in names.split():
                for source in sources.split():
                    yield name, TableColumnDep(asset_key=AssetKey(asset), column_name=source)
