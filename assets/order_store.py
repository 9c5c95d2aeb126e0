"""The asset `order_store`: the whole order store, to which the nightly checks belong."""

from dagster import AssetDep, AssetSpec

from assets.lineage import AS_THE_STORE_KNOWS
from assets.metadata import ORDERS_TEAM

ORDER_STORE = "order_store"
order_store = AssetSpec(
    ORDER_STORE,
    description="All orders, payments, refunds and stock. Its checks recompute every invariant, each night.",
    deps=[AssetDep("orders", partition_mapping=AS_THE_STORE_KNOWS), "refunds"],
    group_name="orders",
    owners=ORDERS_TEAM,
    kinds={"sql"},
)
