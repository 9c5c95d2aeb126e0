"""The assets `orders` and `rejected_order_rows`: an order file goes in, settled orders come out."""

from typing import Any

from dagster import AssetOut, AssetsDefinition, DynamicPartitionsDefinition, graph_multi_asset

from jobs.import_ops import (
    ORDER_FILES,
    charge_payments,
    finalize_orders,
    load_orders,
    parse_order_file,
    reserve_stock,
    roll_back_orders,
    summarize_import,
)

order_files = DynamicPartitionsDefinition(name=ORDER_FILES)


def _settle_batch(batch: Any) -> tuple[Any, Any]:
    # Both ends run for every batch: a fan-in of nothing but skipped steps is skipped too, and then the run
    # would end in success without its summary.
    charged = charge_payments(reserve_stock(load_orders(batch)))
    return finalize_orders(charged), roll_back_orders(charged)


@graph_multi_asset(
    name="import_order_file",
    partitions_def=order_files,
    group_name="orders",
    outs={
        "orders": AssetOut(
            description="Orders of one file, each completed, rolled back or failed.",
            kinds={"celery", "csv"},
        ),
        "rejected_order_rows": AssetOut(
            description="Lines of one file that could not be taken, with place, code and way out.",
            kinds={"csv"},
        ),
    },
)
def import_order_file() -> dict[str, Any]:
    """Parses the file, settles its batches side by side, and sums up."""
    finalized, rolled_back = parse_order_file().map(_settle_batch)
    orders, rejected_order_rows = summarize_import(finalized.collect(), rolled_back.collect())
    return {"orders": orders, "rejected_order_rows": rejected_order_rows}


def order_assets() -> list[AssetsDefinition]:
    """All assets of this module."""
    return [import_order_file]
