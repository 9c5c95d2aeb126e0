"""Quantities and totals of lines. Goods by weight have quantities with decimals."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from orders_pipeline.base.amounts.currency import MINOR_DIGITS
from orders_pipeline.base.amounts.quantities import QUANTITY_DIGITS, QUANTITY_SCALE
from orders_pipeline.order_files.columns.profile import OrderField, Profile
from orders_pipeline.order_files.values.amounts import MAX_TOTAL, SCALE

# The part of a line's total that is less than 1/10,000, in 1/1,000 of 1/10,000; goods by weight have it.
REST = "rest"
_FOUR_DIGITS = [code for code, digits in MINOR_DIGITS.items() if digits == 4]


def with_quantities(lines: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Adds `count`, the quantity, and `total`, in 1/10,000; needs `price` and `units`, both in 1/10,000.

    `count` is an integer, or a decimal if the profile allows decimals. Then the frame also has `rest`.
    """
    by_unit = profile.price_field is OrderField.UNIT_PRICE
    price = pl.col("price")
    if not profile.quantity.decimals:
        count = pl.col("units") // SCALE
        return lines.with_columns(count=count, total=price * count if by_unit else price)
    thousandths = pl.col("units") // (SCALE // QUANTITY_SCALE)
    exact = price.cast(pl.Int128) * (thousandths if by_unit else QUANTITY_SCALE)
    return lines.with_columns(
        (exact % QUANTITY_SCALE).cast(pl.Int64).alias(REST),
        count=thousandths.cast(pl.Decimal(38, 0)) * pl.lit(Decimal(1).scaleb(-QUANTITY_DIGITS)),
        total=(exact // QUANTITY_SCALE).clip(upper_bound=MAX_TOTAL + 1).cast(pl.Int64),
    )


def with_exact_sums(lines: pl.DataFrame) -> pl.DataFrame:
    """Adds the column `rest` to totals, so that each order's sum is rounded down only once.

    An order, whose total is rounded to minor units, then owes the same as with exact line totals. Needs
    `run`, the number of the order.
    """
    if REST not in lines.columns:
        return lines
    priced = pl.col("total").is_not_null()
    exact = (pl.col("total").cast(pl.Int128) * QUANTITY_SCALE + pl.col(REST)).fill_null(0)
    # Only currencies whose minor unit is 1/10,000 are rounded to minor units here.
    half = pl.when(pl.col("currency").is_in(_FOUR_DIGITS)).then(QUANTITY_SCALE // 2).otherwise(0)
    so_far = ((exact.cum_sum() + half) // QUANTITY_SCALE).cast(pl.Int64)
    total = (so_far - so_far.shift(1, fill_value=0)).over("run")
    return lines.with_columns(total=pl.when(priced).then(total)).drop(REST)
