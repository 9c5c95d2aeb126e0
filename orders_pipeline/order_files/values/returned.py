"""Finds the lines of returns and makes their quantities positive for the checks that follow."""

from __future__ import annotations

import polars as pl

from orders_pipeline.order_files.columns.profile import OrderField, Profile
from orders_pipeline.order_files.columns.return_rules import ReturnRules

RETURNED = "returned"


def with_returned(lines: pl.DataFrame, profile: Profile, rules: ReturnRules) -> pl.DataFrame:
    """Adds the column `returned`, and makes `units` and line totals of returns positive, as in orders.

    A line of a return with the wrong sign has `units` below zero afterwards.
    """
    lines = lines.with_columns(_is_returned(rules).fill_null(value=False).alias(RETURNED))
    changed = []
    if rules.quantity == "negative":
        changed.append(pl.when(RETURNED).then(-pl.col("units")).otherwise("units").alias("units"))
    if profile.price_field is OrderField.LINE_TOTAL:
        changed.append(pl.when(RETURNED).then(pl.col("price").abs()).otherwise("price").alias("price"))
    return lines.with_columns(changed)


def _is_returned(rules: ReturnRules) -> pl.Expr:
    if rules.number_expression is not None:
        return pl.col("order").str.contains(rules.number_expression)
    return (pl.col("units") < 0).all().over("order") & pl.col("order").is_not_null()
