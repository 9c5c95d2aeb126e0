"""Lines with the fields of their orders, which a second file has, joined by order number."""

from __future__ import annotations

import polars as pl

from orders_pipeline.order_files.columns.profile import Companion, OrderField
from orders_pipeline.order_files.reject_codes import RejectCode


def join_orders(lines: pl.DataFrame, orders: pl.DataFrame | None, companion: Companion) -> pl.DataFrame:
    """Adds the fields of their orders to `lines`.

    Marks lines whose order the companion lacks or has twice.
    """
    fields = [field.value for field in companion.columns if field is not OrderField.ORDER_NUMBER]
    status = "skipped_order"
    if orders is None:
        schema = {"order": pl.String, **dict.fromkeys([*fields, status], pl.String), "found": pl.UInt32}
        known = pl.DataFrame(schema=schema)
    else:
        fields = [name for name in fields if name in orders.columns]
        sound = orders.filter(pl.col("problem").is_null() & pl.col("order").is_not_null())
        known = sound.group_by("order").agg(
            pl.col(fields).first(), pl.col("skipped").first().alias(status), found=pl.len()
        )
    joined = lines.join(known, on="order", how="left", maintain_order="left")
    problem = (
        pl.when(pl.col("problem").is_not_null() | pl.col("order").is_null())
        .then(pl.col("problem"))
        .when(pl.col("found").is_null())
        .then(pl.lit(RejectCode.ORDER_UNKNOWN.value))
        .when(pl.col("found") > 1)
        .then(pl.lit(RejectCode.ORDER_TWICE.value))
    )
    return joined.with_columns(problem=problem, skipped=pl.coalesce("skipped", status)).drop("found", status)
