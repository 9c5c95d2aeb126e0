"""Orders gathered in a temporary table, so that a transaction looks for them once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Date,
    Integer,
    Select,
    String,
    Table,
    select,
)

from orders_pipeline.base.model import OrderStatus, PaymentStatus, Window
from orders_pipeline.lifecycle.batch import BatchWork
from orders_pipeline.store.schema import orders, payments
from orders_pipeline.store.statements.order_sets import OrderSet, of_current_attempt
from orders_pipeline.store.statements.temporary import fill, temporary

_TABLE = temporary(
    "gathered",
    Column("order_id", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt", Integer, nullable=False),
    Column("customer_id", String),
    Column("currency", String(3), nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("day", Date, nullable=False),
    Column("decline_reason", String),
)
_OF_ORDERS = [orders.c[name] for name in ("id", "attempt", "customer_id", "currency", "total", "day")]


@dataclass(frozen=True, slots=True)
class Gathered(OrderSet):
    """The gathered orders; valid until the transaction ends or gathers others.

    Attributes:
        table: a row for each order: order_id, attempt, customer_id, currency, total, day, and decline_reason
            where the gateway declined its payment.
    """

    count: int
    table: ClassVar[Table] = _TABLE

    @property
    def ids(self) -> Select[int]:
        """Query of the ids of the set."""
        return select(self.table.c.order_id)

    @property
    def days(self) -> Select[date]:
        """Query of the KPI days of the set."""
        return select(self.table.c.day)


def gather(work: BatchWork, chosen: OrderSet) -> Gathered:
    """Gathers a set of orders."""
    return _gather(work.connection, chosen.window, select(*_OF_ORDERS).where(chosen.here))


def gather_paid(work: BatchWork) -> Gathered:
    """Gathers the orders of the window in payment that are paid or owe nothing."""
    paid = (payments.c.status == PaymentStatus.SUCCEEDED) | (orders.c.total == 0)
    return _gather_with_payment(work, OrderStatus.PAYMENT_PROCESSING, paid)


def gather_with_payment(work: BatchWork, status: OrderStatus, payment: PaymentStatus) -> Gathered:
    """Gathers the orders of the window that have a status, and whose payment has one."""
    return _gather_with_payment(work, status, payments.c.status == payment)


def _gather_with_payment(work: BatchWork, status: OrderStatus, condition: ColumnElement[bool]) -> Gathered:
    waiting = work.orders_in(status)
    query = (
        select(*_OF_ORDERS, payments.c.decline_reason)
        .outerjoin(payments, of_current_attempt(payments) & waiting.within(payments.c.order_id))
        .where(waiting.here, condition)
    )
    return _gather(work.connection, work.window, query)


def _gather(connection: Connection, window: Window, query: Select[Any]) -> Gathered:
    columns = _TABLE.columns.keys()[: len(query.selected_columns)]
    count = fill(connection, _TABLE, query, columns)
    return Gathered(window, orders.c.id.in_(select(_TABLE.c.order_id)), count)
