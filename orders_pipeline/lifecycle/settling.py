"""The orders that one transaction brings to their end, kept in a temporary table while it lasts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Date,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.schema import CreateTable

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import OrderStatus, PaymentStatus, ReservationStatus, Window
from orders_pipeline.lifecycle.batch import OrderSet, orders_in
from orders_pipeline.store.schema import orders, payments, reservations

settling = Table(
    "settling",
    MetaData(),
    Column("order_id", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt", Integer, nullable=False),
    Column("customer_id", String),
    Column("currency", String(3), nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("day", Date, nullable=False),
    Column("decline_reason", String),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DELETE ROWS",
)
# Column of `settling`: column of `orders`.
OF_ORDERS = {
    "order_id": "id",
    "attempt": "attempt",
    "customer_id": "customer_id",
    "currency": "currency",
    "total": "total",
    "day": "day",
}
of_current_attempt = (payments.c.order_id == orders.c.id) & (payments.c.attempt == orders.c.attempt)


def gather_answered(connection: Connection, window: Window, answer: PaymentStatus) -> int:
    """Puts the orders in payment to which the gateway gave this answer into `settling`; how many."""
    answered = (
        select(*_of_orders(), payments.c.decline_reason)
        .join(payments, of_current_attempt)
        .where(orders_in(window, OrderStatus.PAYMENT_PROCESSING), payments_in(window, answer))
    )
    return _gather(connection, settling.columns.keys(), answered)


def payments_in(window: Window, *statuses: PaymentStatus) -> ColumnElement[bool]:
    """Condition: the payment is one of an order in the window, and has one of these statuses."""
    return payments.c.order_id.between(window.first, window.last) & payments.c.status.in_(statuses)


def gather(connection: Connection, chosen: ColumnElement[bool]) -> int:
    """Puts the orders that meet a condition into `settling`; how many."""
    return _gather(connection, list(OF_ORDERS), select(*_of_orders()).where(chosen))


def _of_orders() -> list[Column[Any]]:
    return [orders.c[name] for name in OF_ORDERS.values()]


def _gather(connection: Connection, columns: list[str], query: Select[Any]) -> int:
    connection.execute(CreateTable(settling, if_not_exists=True))
    connection.execute(delete(settling))
    return connection.execute(insert(settling).from_select(columns, query)).rowcount


def gathered(window: Window) -> OrderSet:
    """The orders in `settling`."""
    return OrderSet(window, select(settling.c.order_id))


def end_orders(
    connection: Connection, ending: OrderSet, status: OrderStatus, reservation: ReservationStatus
) -> None:
    """Gives orders their last status and ends their reservations."""
    connection.execute(
        update(reservations)
        .where(ending.has(reservations.c.order_id), reservations.c.status == ReservationStatus.HELD)
        .values(status=reservation, closed_at=now_us())
    )
    connection.execute(update(orders).where(ending.has(orders.c.id)).values(status=status))
