"""The number of orders by status, from the counts that each transaction updates on its batch."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from orders_pipeline.base.model import UNSOLD, OrderStatus
from orders_pipeline.store.schema import batches


@dataclass(frozen=True, slots=True)
class OrderCounts:
    """Order counts, all currencies together.

    Attributes:
        unloaded: orders of parsed files that are not loaded yet.
        retried: retries of orders, of all time.
    """

    by_status: dict[OrderStatus, int]
    unloaded: int
    retried: int

    @property
    def completed(self) -> int:
        """Attempts that ended with a sale, of all time."""
        return self.by_status[OrderStatus.COMPLETED]

    @property
    def unsold(self) -> int:
        """Attempts that ended without a sale, of all time. Retries do not lower this number."""
        return sum(self.by_status[status] for status in UNSOLD) + self.retried


def order_counts(connection: Connection) -> OrderCounts:
    """The number of orders by status."""
    columns = [*(batches.c[status] for status in OrderStatus), batches.c.orders - batches.c.loaded]
    sums = [func.coalesce(func.sum(column), 0) for column in (*columns, batches.c.retried)]
    *counts, unloaded, retried = (int(number) for number in connection.execute(select(*sums)).one())
    return OrderCounts(dict(zip(OrderStatus, counts, strict=True)), unloaded, retried)
