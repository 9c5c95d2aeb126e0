"""Sets of orders that the statements of one transaction work on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, and_, func, select

from orders_pipeline.base.model import OrderStatus, Window
from orders_pipeline.store.schema import orders


@dataclass(frozen=True, slots=True)
class OrderSet:
    """The orders of a window that meet a condition over the table `orders`."""

    window: Window
    condition: ColumnElement[bool]

    @property
    def here(self) -> ColumnElement[bool]:
        """Condition over `orders`: the order is one of the set."""
        return and_(self.within(orders.c.id), self.condition)

    @property
    def ids(self) -> Select[int]:
        """Query of the ids of the set."""
        return select(orders.c.id).where(self.here)

    @property
    def days(self) -> Select[date]:
        """Query of the KPI days of the set."""
        return select(orders.c.day).where(self.here)

    def that(self, condition: ColumnElement[bool]) -> OrderSet:
        """Returns the orders of the set that also meet a condition on the table `orders`."""
        return OrderSet(self.window, self.condition & condition)

    def within(self, column: Column[int]) -> ColumnElement[bool]:
        """Condition: the column lies in the window, so only that part of its table is read."""
        return column.between(self.window.first, self.window.last)

    def has(self, column: Column[int]) -> ColumnElement[bool]:
        """Condition over any table: the column names an order of the set."""
        return and_(self.within(column), column.in_(self.ids))


def in_status(window: Window, *statuses: OrderStatus) -> OrderSet:
    """The orders of a window that have one of these statuses."""
    return OrderSet(window, orders.c.status.in_(statuses))


def of_current_attempt(table: Table) -> ColumnElement[bool]:
    """Condition that joins each order with the row of its current attempt in another table."""
    return and_(table.c.order_id == orders.c.id, table.c.attempt == orders.c.attempt)


def count_of(connection: Connection, query: Select[Any]) -> int:
    """Returns the number of rows of a query."""
    return connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
