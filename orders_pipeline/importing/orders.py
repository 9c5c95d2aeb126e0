"""Typed lines to whole orders: an order with one bad line is rejected with all its lines."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from orders_pipeline.currency import MINOR_DIGITS
from orders_pipeline.importing.codes import EXPLANATIONS, RejectCode
from orders_pipeline.importing.convert import MAX_TOTAL_UNITS, SCALE


@dataclass(frozen=True, slots=True)
class SettledLines:
    """Good orders, their lines, and the lines that are not taken; all in file order."""

    orders: pl.DataFrame
    lines: pl.DataFrame
    rejects: pl.DataFrame


def settle_lines(frame: pl.DataFrame, headers: dict[str, str]) -> SettledLines:
    """Groups the lines of whole orders; `headers` gives the file's column name of each order field."""
    frame = _with_order_problems(frame)
    has_order = pl.col("order").is_not_null()
    if frame["code"].null_count() < frame.height:
        spoiled = pl.col("code").is_not_null().any().over("order") & has_order
        frame = frame.with_columns(spoiled=spoiled)
    else:
        frame = frame.with_columns(spoiled=pl.lit(value=False))
    good = frame.filter(pl.col("code").is_null() & ~pl.col("spoiled"))
    bad = frame.filter(pl.col("code").is_not_null() | pl.col("spoiled"))
    orders = _orders(good)
    return SettledLines(orders, _lines(good, orders), _rejects(bad, headers))


def _with_order_problems(frame: pl.DataFrame) -> pl.DataFrame:
    """Marks what only the lines of an order together show."""
    fine = pl.col("code").is_null()
    per_order = (
        frame.lazy()
        .filter(fine)
        .group_by("order")
        .agg(
            differs=pl.col("currency").n_unique() > 1,
            first_currency=pl.col("currency").first(),
            too_large=pl.col("total").cast(pl.Int128).sum() > MAX_TOTAL_UNITS * SCALE,
        )
        .filter(pl.col("differs") | pl.col("too_large"))
        .collect()
    )
    if not per_order.height:
        return frame
    joined = frame.join(per_order, on="order", how="left", maintain_order="left")
    code = (
        pl.when(~fine).then(pl.col("code"))
        .when(pl.col("differs")).then(pl.lit(RejectCode.CURRENCY_DIFFERS.value))
        .when(pl.col("too_large")).then(pl.lit(RejectCode.ORDER_TOTAL_TOO_LARGE.value))
    )  # fmt: skip
    detail = pl.when(fine & pl.col("differs")).then(pl.col("first_currency")).otherwise(pl.col("detail"))
    return joined.with_columns(code=code, detail=detail)


def _orders(good: pl.DataFrame) -> pl.DataFrame:
    grouped = good.group_by("order", maintain_order=True).agg(
        customer_id=pl.col("customer_id").drop_nulls().first(),
        customer_name=pl.col("customer_name").drop_nulls().first(),
        currency=pl.col("currency").first(),
        exact=pl.col("total").sum(),
        ordered_at=pl.col("instant").first(),
        day=pl.col("day").first(),
        first_line=pl.col("line").first(),
        lines=pl.len().cast(pl.Int32),
    )
    step = pl.col("currency").replace_strict(
        {c: 10 ** (4 - d) for c, d in MINOR_DIGITS.items()}, return_dtype=pl.Int64
    )
    return grouped.select(
        position=pl.int_range(grouped.height, dtype=pl.Int64),
        number=pl.col("order"),
        customer_id="customer_id",
        customer_name="customer_name",
        currency="currency",
        total=(pl.col("exact") + step // 2) // step,
        ordered_at=pl.col("ordered_at").dt.timestamp("us"),
        day="day",
        first_line="first_line",
        lines="lines",
    )


def _lines(good: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    placed = good.join(
        orders.select("position", order="number"), on="order", how="left", maintain_order="left"
    )
    return placed.select(
        position="position",
        line_number=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("order"),
        file_line="line",
        record="record",
        sku="sku",
        product_name="product_name",
        quantity="count",
        total="total",
    )


def _rejects(bad: pl.DataFrame, headers: dict[str, str]) -> pl.DataFrame:
    code = pl.col("code").fill_null(RejectCode.ORDER_REJECTED.value)
    table = bad.with_columns(code=code)
    parts = [_explained(group, RejectCode(str(key[0])), headers) for key, group in table.group_by("code")]
    empty = _explained(table.clear(), RejectCode.BLANK_LINE, headers)
    return pl.concat([empty, *parts]).sort("record")


def _explained(group: pl.DataFrame, code: RejectCode, headers: dict[str, str]) -> pl.DataFrame:
    explanation = EXPLANATIONS[code]
    field = explanation.field
    if field == "price":
        field = "line_total" if "line_total" in headers else "unit_price"
    value = (
        pl.col("detail").fill_null("")
        if field is None or code is RejectCode.CURRENCY_DIFFERS
        else _shown(field)
    )
    message = explanation.message
    return group.select(
        record="record",
        line="line",
        order_number="order",
        column=pl.lit(headers.get(field) if field else None, pl.String),
        code="code",
        message=pl.format(message, value) if "{}" in message else pl.lit(message),
        hint=pl.lit(explanation.hint),
        raw="raw",
    )


def _shown(field: str) -> pl.Expr:
    name = "order" if field == "order_number" else field
    return pl.concat_str(
        pl.lit("'"), pl.col(name).fill_null("").str.strip_chars().str.slice(0, 80), pl.lit("'")
    )
