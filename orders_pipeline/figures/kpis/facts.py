"""Exports the facts of KPI days from one snapshot of the order store to Parquet files for the warehouse.

The rows of a year do not fit in memory as Python objects, so they are read in chunks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)

from orders_pipeline.base.model import FailureReason, OrderStatus, ReservationStatus
from orders_pipeline.store.order_sets import of_current_attempt
from orders_pipeline.store.raw_rows import chunks_of
from orders_pipeline.store.schema import (
    failures,
    order_amounts,
    order_lines,
    orders,
    products,
    recorded_payments,
    reservations,
)

# Scanning an order by primary key is this many times cheaper than finding it by its day.
DENSE = 3

ORDER_FACTS = {
    "day": pl.String,
    "currency": pl.String,
    "customer_id": pl.String,
    "status": pl.String,
    "total": pl.Int64,
    "settle_us": pl.Int64,
    "reason": pl.String,
    "detail": pl.String,
}
LINE_FACTS = {
    "day": pl.String,
    "currency": pl.String,
    "order_id": pl.Int64,
    "product_sku": pl.String,
    "quantity": pl.Int64,
    "total": pl.Int64,
    "discount": pl.Int64,
}
AMOUNT_FACTS = {"day": pl.String, "currency": pl.String, "kind": pl.String, "amount": pl.Int64}
# The kind of a fact that is no amount of the store: the total of a completed order that is paid elsewhere.
RECORDED = "recorded"
EARLIER_DECLINES = {"day": pl.String, "currency": pl.String, "detail": pl.String}


def export_facts(connection: Connection, days: Sequence[date], folder: Path) -> None:
    """Writes orders, lines, amounts and earlier declines of these days to a folder, as Parquet."""
    selected = _of_days(connection, days)
    _export(connection, _orders(selected), ORDER_FACTS, folder / "order_facts")
    _export(connection, _lines(selected), LINE_FACTS, folder / "line_facts")
    _export(connection, _amounts(selected), AMOUNT_FACTS, folder / "amount_facts")
    _export(connection, _earlier_declines(selected), EARLIER_DECLINES, folder / "earlier_declines")


def settled_at() -> ColumnElement[int]:
    """Time at which an order was settled. Needs its reservation and failure joined `of_current_attempt`."""
    sold = reservations.c.status == ReservationStatus.SOLD
    return case((sold, reservations.c.closed_at), else_=failures.c.failed_at)


def _of_days(connection: Connection, days: Sequence[date]) -> ColumnElement[bool]:
    """The cheapest condition that selects the orders of these days."""
    by_day = orders.c.day.in_(days)
    span = select(func.min(orders.c.id), func.max(orders.c.id), func.count()).where(by_day)
    first, last, number = connection.execute(span).one()
    if not number or last - first >= DENSE * number:
        return by_day
    # Wrapped in a function, the day cannot use its index: the database scans the primary key.
    return and_(orders.c.id.between(first, last), func.coalesce(orders.c.day, null()).in_(days))


def _orders(selected: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            cast(orders.c.day, String),
            orders.c.currency,
            orders.c.customer_id,
            orders.c.status,
            orders.c.total,
            settled_at() - orders.c.loaded_at,
            failures.c.reason,
            failures.c.detail,
        )
        .outerjoin_from(orders, reservations, of_current_attempt(reservations))
        .outerjoin(failures, of_current_attempt(failures))
        .where(selected)
    )


def _lines(selected: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            cast(orders.c.day, String),
            orders.c.currency,
            orders.c.id,
            products.c.sku,
            order_lines.c.quantity,
            order_lines.c.total,
            order_lines.c.discount,
        )
        .join_from(orders, order_lines, order_lines.c.order_id == orders.c.id)
        .join(products, products.c.id == order_lines.c.product_id)
        .where(orders.c.status == OrderStatus.COMPLETED, selected)
    )


def _amounts(selected: ColumnElement[bool]) -> CompoundSelect[Any]:
    """Amounts of completed orders in 1/10,000, and the totals of those paid elsewhere in minor units."""
    head = (cast(orders.c.day, String), orders.c.currency)
    completed = (orders.c.status == OrderStatus.COMPLETED, selected)
    amounts = (
        select(*head, order_amounts.c.kind, order_amounts.c.amount)
        .join_from(order_amounts, orders, orders.c.id == order_amounts.c.order_id)
        .where(*completed)
    )
    recorded = (
        select(*head, literal(RECORDED), orders.c.total)
        .join_from(recorded_payments, orders, orders.c.id == recorded_payments.c.order_id)
        .where(*completed)
    )
    return union_all(amounts, recorded)


def _earlier_declines(selected: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        select(cast(orders.c.day, String), orders.c.currency, failures.c.detail)
        .join_from(orders, failures, failures.c.order_id == orders.c.id)
        .where(
            orders.c.attempt > 1,
            failures.c.attempt < orders.c.attempt,
            failures.c.reason == FailureReason.DECLINED,
            selected,
        )
    )


def _export(
    connection: Connection,
    query: Select[*tuple[Any, ...]] | CompoundSelect[Any],
    schema: dict[str, Any],
    name: Path,
) -> None:
    pl.DataFrame(schema=schema).write_parquet(f"{name}-0.parquet")
    for number, rows in enumerate(chunks_of(connection, query), start=1):
        pl.DataFrame(rows, schema, orient="row").write_parquet(f"{name}-{number}.parquet", compression="lz4")
