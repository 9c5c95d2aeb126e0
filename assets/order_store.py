"""The asset `order_store`: the whole order store, to which the nightly checks belong."""

from dagster import AssetSpec

from assets.lineage import ORDERS_AND_REFUNDS
from assets.metadata import ORDERS_TEAM

ORDER_STORE = "order_store"
order_store = AssetSpec(
    ORDER_STORE,
    description="All orders, payments, refunds and stock. Its checks recompute every invariant, each night.",
    deps=ORDERS_AND_REFUNDS,
    group_name="orders",
    owners=ORDERS_TEAM,
    kinds={"sql"},
)
