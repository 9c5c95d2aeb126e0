"""Grants plain refunds, thousands at once, from frames of what is left of their orders.

A plain refund is what a row of a refund file contains: an amount, or units of one line. It is granted here
only if all requests for its order are plain, and together not more than what is left. `decide.py` decides all
other requests one by one, and writes the refusals. Both give the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from operator import mul
from typing import Any

import polars as pl
from sqlalchemy import Connection, Select

from orders_pipeline.base.amounts.currency import MINOR_DIGITS
from orders_pipeline.base.amounts.money import LINE_DIGITS
from orders_pipeline.base.amounts.quantities import QUANTITY_SCALE, Units
from orders_pipeline.base.model import OrderStatus, PaymentMethod, RefundKind
from orders_pipeline.refunds.requests.amounts import half_up, minor_unit
from orders_pipeline.refunds.requests.asked import RefundAsked
from orders_pipeline.refunds.requests.refundable import (
    query_beside_goods,
    query_lines,
    query_orders,
    query_payments,
    query_returned,
)
from orders_pipeline.store.schema import orders
from orders_pipeline.store.statements.many_values import parts
from orders_pipeline.store.statements.raw_rows import rows_of

# Requests with larger numbers are decided with Python's integers, which have no limit.
MOST, LAST_LINE, EXACT = 2**62, 2**31 - 1, 2.0**125
_MINOR_UNITS = {code: minor_unit(code) for code in MINOR_DIGITS}
_COMPLETED = pl.col("status") == OrderStatus.COMPLETED
_BY_GATEWAY = pl.col("method") == PaymentMethod.GATEWAY
_TEXT, _INT = pl.String, pl.Int64
REQUESTS = {
    "number": _TEXT,
    "source": _TEXT,
    "plain": pl.Boolean,
    "line": _INT,
    "units": _INT,
    "amount": _INT,
}
ORDERS = {
    "order_id": _INT,
    **dict.fromkeys(("number", "of_source", "status", "currency"), _TEXT),
    "total": _INT,
}
PAYMENTS = {"order_id": _INT, "attempt": _INT, "method": _TEXT, "captured": _INT, "refunded": _INT}
LINES = dict.fromkeys(("order_id", "line", "line_units", "line_net", "product"), _INT)
BESIDE = dict.fromkeys(("order_id", "beside"), _INT)
RETURNED = dict.fromkeys(("order_id", "line", "units_before", "amount_before"), _INT)


@dataclass(frozen=True, slots=True)
class Holdings:
    """The orders of requests, and what is left of them: a frame for each table."""

    orders: pl.DataFrame
    payments: pl.DataFrame
    lines: pl.DataFrame
    beside: pl.DataFrame
    returned: pl.DataFrame

    @classmethod
    def lock(cls, connection: Connection, requests: pl.DataFrame) -> Holdings:
        """Reads the orders of `plain_requests`, and locks all their payments until the transaction ends.

        Lines are read for plain requests only.
        """
        named = [query_orders(connection, orders.c.number, part) for part in parts(requests["number"])]
        found = _read(connection, named, ORDERS)
        completed = found.filter(_COMPLETED)
        locked = [query_payments(connection, part).with_for_update() for part in parts(completed["order_id"])]
        payments = _read(connection, locked, PAYMENTS)
        ids = list(parts(completed.join(requests.filter("plain"), on="number", how="semi")["order_id"]))
        return cls(
            found,
            payments,
            _read(connection, [query_lines(connection, part) for part in ids], LINES),
            _read(connection, [query_beside_goods(connection, part) for part in ids], BESIDE),
            _read(connection, [query_returned(connection, part) for part in ids], RETURNED),
        )


def plain_requests(asked: Sequence[RefundAsked]) -> pl.DataFrame:
    """Returns a row for each request: number, source, whether it is `plain`, and if so, what it requests.

    This is either a line, with units in 1/1,000 unless all units are requested, or an amount in 1/10,000.
    """
    rows = [(one.order, one.source, *(_plainly(one) or _NOT_PLAIN)) for one in asked]
    return pl.DataFrame(rows, REQUESTS, orient="row")


_NOT_PLAIN = (False, None, None, None)


def _plainly(asked: RefundAsked) -> tuple[bool, int | None, int | None, int | None] | None:
    if asked.kind is not RefundKind.REFUND or asked.recorded or asked.so_far is not None:
        return None
    if asked.goods or asked.shipping or asked.fee or len(asked.lines) + (asked.amount is not None) != 1:
        return None
    if asked.amount is not None:
        amount = _scaled(asked.amount, 10**LINE_DIGITS)
        return None if amount is None else (True, None, None, amount)
    ((line, quantity),) = asked.lines
    units = None if quantity is None else _scaled(quantity, QUANTITY_SCALE)
    if not 0 < line <= LAST_LINE or (units is None and quantity is not None):
        return None
    return True, line, units, None


def _scaled(number: Units, scale: int) -> int | None:
    if isinstance(number, Decimal) and not number.is_finite():
        return None
    scaled = number * scale
    return int(scaled) if 0 < scaled < MOST and scaled == int(scaled) else None


def grant(requests: pl.DataFrame, held: Holdings) -> pl.DataFrame:
    """Returns the requests that are granted, in the order of `requests`.

    Args:
        requests: the frame of `plain_requests`, which may have more columns.

    Returns:
        Their rows with order_id, attempt, currency and `amount` in minor units; for lines also `units`.
    """
    alone = pl.col("line").is_null() | (pl.len().over("number", "line") == 1)
    noted = requests.with_columns(asked=pl.len().over("number"), plain=pl.col("plain") & alone)
    left = pl.col("captured") - pl.col("refunded")
    fitting = _beside_what_is_left(noted, held).with_columns(_units()).with_columns(amount=_amount())
    fitting = fitting.filter(pl.col("amount") > 0, pl.col("amount") <= left)
    all_plain = pl.len().over("number") == pl.col("asked")
    sum_fits = pl.col("amount").cast(pl.Int128).sum().over("order_id") <= left
    return fitting.filter(all_plain, sum_fits)


def _beside_what_is_left(requests: pl.DataFrame, held: Holdings) -> pl.DataFrame:
    """Joins plain requests with their order, its payment and its line; ambiguous orders are left out."""
    of_order = held.orders.with_columns(one=pl.len().over("number") == 1)
    meant = (pl.col("source").is_null() & pl.col("one")) | (pl.col("source") == pl.col("of_source"))
    found = requests.filter("plain").join(of_order.filter(_COMPLETED), on="number", maintain_order="left")
    found = found.filter(meant).join(held.payments.filter(_BY_GATEWAY), on="order_id", maintain_order="left")
    of_lines = held.lines.group_by("order_id").agg(net=pl.sum("line_net"))
    for kept, by in (
        (of_lines, ["order_id"]),
        (held.beside.group_by("order_id").agg(pl.sum("beside")), ["order_id"]),
        (held.lines, ["order_id", "line"]),
        (held.returned, ["order_id", "line"]),
    ):
        found = found.join(kept, on=by, how="left", maintain_order="left")
    minor_units = pl.col("currency").replace_strict(_MINOR_UNITS, return_dtype=pl.Int64)
    before = pl.col("units_before", "amount_before", "beside").fill_null(0)
    return found.with_columns(before, minor_unit=minor_units)


def _units() -> pl.Expr:
    """The requested units; without a quantity, all units that are left of the line."""
    return pl.col("units").fill_null(pl.col("line_units") - pl.col("units_before"))


def _amount() -> pl.Expr:
    """The amount in minor units, as `decide` computes it; null if the request does not fit its order."""
    whole = pl.col("amount") % pl.col("minor_unit") == 0
    alone = pl.when(whole).then(pl.col("amount") // pl.col("minor_unit"))
    units, before = pl.col("units"), pl.col("units_before")
    fits = (units > 0) & (units <= pl.col("line_units") - before)
    of_line = pl.when(fits).then(_worth(before + units) - pl.col("amount_before"))
    return pl.when(pl.col("line").is_null()).then(alone).otherwise(of_line)


def _worth(units: pl.Expr) -> pl.Expr:
    """The value of units of a line, as `OrderLeft` computes it; null if the numbers are too large."""
    goods = (pl.col("total") * pl.col("minor_unit") - pl.col("beside")).clip(0)
    numerator = (goods, pl.col("line_net"), units)
    divisor = (pl.col("net"), pl.col("line_units"), pl.col("minor_unit"))
    exact = half_up(_product(numerator, pl.Int128()), _product(divisor, pl.Int128()))
    small = _product(numerator, pl.Float64()) + _product(divisor, pl.Float64()) < EXACT
    return pl.when(small).then(exact).cast(pl.Int64, strict=False)


def _product(factors: tuple[pl.Expr, pl.Expr, pl.Expr], kind: pl.DataType) -> pl.Expr:
    first, *others = factors
    return reduce(mul, others, first.cast(kind))


def _read(connection: Connection, queries: Sequence[Select[Any]], schema: dict[str, Any]) -> pl.DataFrame:
    rows = [row for query in queries for row in rows_of(connection, query)]
    return pl.DataFrame(rows, schema, orient="row")
