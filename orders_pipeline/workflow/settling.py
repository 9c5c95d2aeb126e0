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
    text,
    update,
)
from sqlalchemy.schema import CreateTable

from orders_pipeline.clock import now_us
from orders_pipeline.model import OrderStatus, PaymentStatus, ReservationStatus, Window
from orders_pipeline.store.schema import orders, payments, reservations
from orders_pipeline.workflow.batch import orders_in

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
        .where(orders_in(window, OrderStatus.PAYMENT_PROCESSING), payments.c.status == answer)
    )
    return _gather(connection, settling.columns.keys(), answered)


def gather(connection: Connection, chosen: ColumnElement[bool]) -> int:
    """Puts the orders that meet a condition into `settling`; how many."""
    return _gather(connection, list(OF_ORDERS), select(*_of_orders()).where(chosen))


def _of_orders() -> list[Column[Any]]:
    return [orders.c[name] for name in OF_ORDERS.values()]


def _gather(connection: Connection, columns: list[str], query: Select[Any]) -> int:
    connection.execute(CreateTable(settling, if_not_exists=True))
    connection.execute(delete(settling))
    number = connection.execute(insert(settling).from_select(columns, query)).rowcount
    if connection.dialect.name == "postgresql":
        connection.execute(text("ANALYZE settling"))
    return number


def end_orders(connection: Connection, status: OrderStatus, reservation: ReservationStatus) -> None:
    """Gives the gathered orders their last status and ends their reservations."""
    ids = select(settling.c.order_id)
    connection.execute(
        update(reservations)
        .where(reservations.c.order_id.in_(ids), reservations.c.status == ReservationStatus.HELD)
        .values(status=reservation, closed_at=now_us())
    )
    connection.execute(update(orders).where(orders.c.id.in_(ids)).values(status=status))
