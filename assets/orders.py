"""The assets `orders` and `rejected_order_rows`, made by importing an order file."""

from typing import Any

from dagster import (
    AssetIn,
    AssetOut,
    AssetsDefinition,
    AssetSpec,
    DynamicPartitionsDefinition,
    Nothing,
    graph_multi_asset,
)

from assets.metadata import ORDERS_TEAM, column_schema
from jobs.imports.partitions import ORDER_FILES
from jobs.imports.runs.ops import (
    charge_payments,
    finalize_orders,
    load_orders,
    parse_order_file,
    reserve_stock,
    roll_back_orders,
    summarize_import,
)
from orders_pipeline.figures.kpis.dictionary import ORDERS, REJECTED_ORDER_ROWS

order_files = DynamicPartitionsDefinition(name=ORDER_FILES)
order_file = AssetSpec(
    "order_file",
    description="A staged order file, as exported by a shop. Its name and content give the partition key.",
    partitions_def=order_files,
    group_name="orders",
    owners=ORDERS_TEAM,
    kinds={"csv"},
)


def _settle_batch(batch: Any) -> tuple[Any, Any]:
    # Both ends run for every batch: if all steps of a fan-in were skipped, it would be skipped too, and the
    # run would succeed without its summary.
    charged = charge_payments(reserve_stock(load_orders(batch)))
    return finalize_orders(charged), roll_back_orders(charged)


@graph_multi_asset(
    name="import_order_file",
    partitions_def=order_files,
    group_name="orders",
    ins={"order_file": AssetIn("order_file", dagster_type=Nothing)},
    outs={
        ORDERS.name: AssetOut(
            dagster_type=Nothing,
            description=ORDERS.meaning,
            kinds={"celery", "sql"},
            owners=ORDERS_TEAM,
            code_version=ORDERS.version,
            metadata=column_schema(ORDERS, keys=["id"]),
        ),
        REJECTED_ORDER_ROWS.name: AssetOut(
            dagster_type=Nothing,
            description=REJECTED_ORDER_ROWS.meaning,
            kinds={"celery", "sql"},
            owners=ORDERS_TEAM,
            code_version=REJECTED_ORDER_ROWS.version,
            metadata=column_schema(REJECTED_ORDER_ROWS, keys=["record", "item"]),
        ),
    },
)
def import_order_file(order_file: Any) -> dict[str, Any]:
    """Parses the file, settles its batches in parallel, and sums up the results."""
    finalized, rolled_back = parse_order_file(order_file).map(_settle_batch)
    orders, rejected_order_rows = summarize_import(
        finalized=finalized.collect(), rolled_back=rolled_back.collect()
    )
    return {"orders": orders, "rejected_order_rows": rejected_order_rows}


def order_assets() -> list[AssetsDefinition | AssetSpec]:
    """Returns all assets of this module."""
    return [order_file, import_order_file]
