"""Finds the order that a return names."""

from __future__ import annotations

import polars as pl

from orders_pipeline.order_files.columns.return_rules import NAMED
from orders_pipeline.order_files.reject_codes import RejectCode
from orders_pipeline.order_files.values.convert import order_key


def with_named_order(returns: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Adds the number of the order that each return names, as `order_number`; null if it names none.

    One line of the return or several may have the number. A return that names several orders is rejected.

    Args:
        returns: a row for each `run` of lines, with `code` and `detail`.
    """
    named = order_key(pl.col(NAMED)).drop_nulls()
    found = lines.group_by("run", maintain_order=True).agg(
        order_number=named.first(),
        several=named.n_unique() > 1,
        shown=named.unique(maintain_order=True).head(3).str.join(", "),
    )
    refused = pl.col("code").is_null() & pl.col("several")
    return (
        returns.with_columns(found.select("order_number", "several", "shown"))
        .with_columns(
            code=pl.when(refused).then(pl.lit(RejectCode.RETURN_OF_SEVERAL_ORDERS.value)).otherwise("code"),
            detail=pl.when(refused).then("shown").otherwise("detail"),
        )
        .drop("several", "shown")
    )
