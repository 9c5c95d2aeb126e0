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
    true,
    union_all,
)

from orders_pipeline.base.model import (
    FailureReason,
    OrderStatus,
    RefundKind,
    RefundStatus,
    ReservationStatus,
)
from orders_pipeline.store.schema import (
    failures,
    order_amounts,
    order_lines,
    orders,
    products,
    recorded_payments,
    refund_lines,
    refunds,
    reservations,
    return_lines,
    returns,
)
from orders_pipeline.store.statements.line_units import in_line_units
from orders_pipeline.store.statements.order_sets import of_current_attempt
from orders_pipeline.store.statements.raw_rows import chunks_of

# A condition that is true for all rows.
EVERY = true()
# Reading an order in a table scan is this many times cheaper than finding it by the index on its day.
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
# Kinds of facts in addition to the amounts in the store: the total of a completed order that was paid
# elsewhere, and a completed refund, by the day of its order.
RECORDED, REFUNDED = "recorded", "refunded"
# By the day of the refund. A return that names no order has the kind `refund` too.
MONEY_BACK_FACTS = {
    "day": pl.String,
    "currency": pl.String,
    "customer_id": pl.String,
    "kind": pl.String,
    "amount": pl.Int64,
    "fee": pl.Int64,
}
RETURNED_FACTS = {
    "day": pl.String,
    "currency": pl.String,
    "product_sku": pl.String,
    "quantity": pl.Int64,
    "amount": pl.Int64,
}
EARLIER_DECLINES = {"day": pl.String, "currency": pl.String, "detail": pl.String}


def export_facts(connection: Connection, days: Sequence[date], folder: Path) -> None:
    """Writes the orders, refunds, disputes and returns of these days to a folder, as Parquet."""
    selected = of_days(connection, days)
    export_rows(connection, _orders(selected), ORDER_FACTS, folder / "order_facts")
    export_rows(connection, _lines(selected), LINE_FACTS, folder / "line_facts")
    export_rows(connection, _amounts(selected), AMOUNT_FACTS, folder / "amount_facts")
    export_rows(connection, _earlier_declines(selected), EARLIER_DECLINES, folder / "earlier_declines")
    export_rows(connection, _money_back(days), MONEY_BACK_FACTS, folder / "money_back_facts")
    export_rows(
        connection,
        returned_lines(refunds.c.day.in_(days), returns.c.day.in_(days)),
        RETURNED_FACTS,
        folder / "returned_facts",
    )


def export_rows(
    connection: Connection,
    query: Select[*tuple[Any, ...]] | CompoundSelect[Any],
    schema: dict[str, Any],
    name: Path,
) -> None:
    """Writes the rows of a query to Parquet files `{name}-{number}.parquet`, at least one."""
    pl.DataFrame(schema=schema).write_parquet(f"{name}-0.parquet")
    for number, rows in enumerate(chunks_of(connection, query), start=1):
        pl.DataFrame(rows, schema, orient="row").write_parquet(f"{name}-{number}.parquet", compression="lz4")


def of_days(connection: Connection, days: Sequence[date]) -> ColumnElement[bool]:
    """Returns the cheapest condition that selects the orders of these days."""
    by_day = orders.c.day.in_(days)
    span = select(func.min(orders.c.id), func.max(orders.c.id), func.count()).where(by_day)
    first, last, number = connection.execute(span).one()
    if not number or last - first >= DENSE * number:
        return by_day
    # Inside a function, the day cannot use its index, so the database scans the table by primary key.
    return and_(orders.c.id.between(first, last), func.coalesce(orders.c.day, null()).in_(days))


def settled_at() -> ColumnElement[int]:
    """Returns the time at which an order was settled, in microseconds since 1970.

    The query must join the reservation and the failure with `of_current_attempt`.
    """
    sold = reservations.c.status == ReservationStatus.SOLD
    return case((sold, reservations.c.closed_at), else_=failures.c.failed_at)


def returned_lines(
    of_refunds: ColumnElement[bool] = EVERY, of_returns: ColumnElement[bool] = EVERY
) -> CompoundSelect[Any]:
    """Selects day, currency, SKU, quantity and amount (1/10,000) of lines of completed refunds and returns.

    Args:
        of_refunds: a condition on the table `refunds`.
        of_returns: a condition on the table `returns`.
    """
    same_line = and_(order_lines.c.order_id == refunds.c.order_id, order_lines.c.line == refund_lines.c.line)
    of_orders = (
        select(
            cast(refunds.c.day, String).label("day"),
            orders.c.currency,
            products.c.sku,
            refund_lines.c.quantity,
            in_line_units(refund_lines.c.amount, orders.c.currency).label("amount"),
        )
        .join_from(refunds, refund_lines, refund_lines.c.refund == refunds.c.id)
        .join(orders, orders.c.id == refunds.c.order_id)
        .join(order_lines, same_line)
        .join(products, products.c.id == order_lines.c.product_id)
        .where(_is_completed(RefundKind.REFUND), of_refunds)
    )
    alone = (
        select(
            cast(returns.c.day, String),
            returns.c.currency,
            products.c.sku,
            return_lines.c.quantity,
            return_lines.c.total,
        )
        .join_from(returns, return_lines, return_lines.c.return_id == returns.c.id)
        .join(products, products.c.id == return_lines.c.product_id)
        .where(of_returns)
    )
    return union_all(of_orders, alone)


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
    """Selects amounts of completed orders in 1/10,000.

    The kinds `RECORDED` and `REFUNDED` are in minor units.
    """
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
    refunded = (
        select(*head, literal(REFUNDED), refunds.c.amount)
        .join_from(refunds, orders, orders.c.id == refunds.c.order_id)
        .where(_is_completed(RefundKind.REFUND), *completed)
    )
    return union_all(amounts, recorded, refunded)


def _is_completed(*kinds: RefundKind) -> ColumnElement[bool]:
    return and_(refunds.c.status == RefundStatus.COMPLETED, refunds.c.kind.in_(kinds))


def _money_back(days: Sequence[date]) -> CompoundSelect[Any]:
    """Selects refunds, disputes and returns, in minor units."""
    of_orders = (
        select(
            cast(refunds.c.day, String),
            orders.c.currency,
            orders.c.customer_id,
            refunds.c.kind,
            refunds.c.amount,
            refunds.c.fee,
        )
        .join_from(refunds, orders, orders.c.id == refunds.c.order_id)
        .where(_is_completed(*RefundKind), refunds.c.day.in_(days))
    )
    alone = select(
        cast(returns.c.day, String),
        returns.c.currency,
        returns.c.customer_id,
        literal(RefundKind.REFUND.value),
        returns.c.total,
        literal(0),
    ).where(returns.c.day.in_(days))
    return union_all(of_orders, alone)


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
