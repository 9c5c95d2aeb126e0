"""Reads the columns of `[amounts]` and `[payment]`: all amounts except the price of a line."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from orders_pipeline.order_files.columns.money_columns import (
    DISCOUNT_PERCENT,
    TAX_TREATMENT,
    LineAmount,
    OrderAmount,
)
from orders_pipeline.order_files.columns.profile import OrderField, Profile
from orders_pipeline.order_files.values.amounts import (
    SCALE,
    DecimalSeparator,
    Units,
    read_amounts,
    read_money,
)
from orders_pipeline.order_files.values.currency_signs import is_currency_sign, sign_fits

PAID, OUTSTANDING, REFUNDED = "payment_paid", "payment_outstanding", "payment_refunded_amount"
UNREADABLE = "amount_problem"
_DISCOUNTS = (OrderAmount.DISCOUNT, LineAmount.LINE_DISCOUNT)
SHOWN = 80
# 100 %, in 1/10,000.
_PERCENT = 100 * SCALE


def units_of(profile: Profile) -> Units:
    """Returns the unit and the rounding of amounts in a file with this profile."""
    amounts = profile.amounts
    return Units(amounts.scale, amounts.round) if amounts else Units()


def amount_columns(profile: Profile) -> dict[str, str]:
    """Returns the header of each amount column, except the price, by the column's name in a layout."""
    texts = ("payment_column", "payment_reference", TAX_TREATMENT)
    columns = {name: header for name, header in profile.money_columns.items() if name not in texts}
    if profile.items:
        columns |= {item_column(kind): profile.items.name_of(kind) for kind in profile.items.amounts}
    return columns


def item_column(field: OrderField | LineAmount) -> str:
    """Returns the name of the column in a frame that contains a field of items."""
    return f"{field}+item" if isinstance(field, LineAmount) else field.value


def with_amounts(frame: pl.DataFrame, profile: Profile, decimal: DecimalSeparator) -> pl.DataFrame:
    """Reads each amount column in place as units of 1/10,000; blank values are null.

    Needs `currency`. Adds `amount_problem`: the first text that is not an amount, with its header.
    """
    headers = amount_columns(profile)
    if not headers:
        return frame
    present = [name for name in headers if name in frame.columns]
    read = {name: _read(name, frame[name], decimal, units_of(profile)) for name in present}
    problems = [_problem(frame, name, headers[name], read[name]) for name in present]
    absent = [pl.lit(None, pl.Int64).alias(name) for name in headers if name not in present]
    problem = pl.select(pl.coalesce(problems)).to_series() if problems else pl.lit(None, pl.String)
    values = {name: _sized(name, table["units"]) for name, table in read.items()}
    return frame.with_columns(*absent, **values, **{UNREADABLE: problem})


def with_percent_off(frame: pl.DataFrame) -> pl.DataFrame:
    """Converts discounts in percent to amounts, one for each line, rounded to 1/10,000; needs `total`."""
    if DISCOUNT_PERCENT not in frame.columns:
        return frame
    exact = pl.col("total").cast(pl.Int128) * pl.col(DISCOUNT_PERCENT)
    off = ((exact + _PERCENT // 2) // _PERCENT).cast(pl.Int64)
    return frame.with_columns(off.alias(f"{LineAmount.LINE_DISCOUNT}+percent"))


def columns_of(kind: OrderAmount | LineAmount, frame: pl.DataFrame) -> list[str]:
    """Returns the columns of a frame whose sum is an amount."""
    return list(_columns_of(kind, frame))


def _columns_of(kind: OrderAmount | LineAmount, frame: pl.DataFrame) -> Iterator[str]:
    return (name for name in frame.columns if name.startswith(f"{kind}+"))


def _read(name: str, values: pl.Series, decimal: DecimalSeparator, units: Units) -> pl.DataFrame:
    if name != DISCOUNT_PERCENT:
        return read_money(values, decimal, units)
    read = read_amounts(values.str.strip_chars().str.strip_suffix("%"), decimal)
    outside = ~pl.col("units").is_between(0, _PERCENT)
    return read.with_columns(code=pl.when(outside).then(pl.lit("outside")).otherwise("code"))


def _sized(name: str, units: pl.Series) -> pl.Series:
    return units.abs() if name.partition("+")[0] in _DISCOUNTS else units


def _problem(frame: pl.DataFrame, name: str, header: str, read: pl.DataFrame) -> pl.Series:
    sign = read["sign"]
    if not read["code"].null_count() < read.height and sign.null_count() == read.height:
        return pl.Series([None], dtype=pl.String).new_from_index(0, read.height)
    table = read.select("code", "sign").with_columns(currency=frame["currency"], text=frame[name])
    fits = is_currency_sign(pl.col("sign")) & sign_fits(pl.col("sign"), pl.col("currency"))
    wrong = pl.col("code").is_not_null() | (pl.col("sign").is_not_null() & ~fits)
    shown = pl.format(f"{header} '{{}}'", pl.col("text").str.strip_chars().str.slice(0, SHOWN))
    return table.select(pl.when(wrong).then(shown)).to_series()
