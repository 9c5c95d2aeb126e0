"""How many orders stand where, from the counts that each transaction of their batches keeps."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from orders_pipeline.base.model import UNSOLD, OrderStatus
from orders_pipeline.store.schema import batches


@dataclass(frozen=True, slots=True)
class OrderCounts:
    """Orders of every currency.

    Attributes:
        unloaded: orders of parsed files that are not in the store yet.
        retried: orders that were made open again, of all time.
    """

    by_status: dict[OrderStatus, int]
    unloaded: int
    retried: int

    @property
    def completed(self) -> int:
        """Attempts of all time that ended with a sale."""
        return self.by_status[OrderStatus.COMPLETED]

    @property
    def unsold(self) -> int:
        """Attempts of all time that ended without one; it never falls, whatever is retried."""
        return sum(self.by_status[status] for status in UNSOLD) + self.retried


def order_counts(connection: Connection) -> OrderCounts:
    """How many orders stand where."""
    columns = [*(batches.c[status] for status in OrderStatus), batches.c.orders - batches.c.loaded]
    sums = [func.coalesce(func.sum(column), 0) for column in (*columns, batches.c.retried)]
    *counts, unloaded, retried = (int(number) for number in connection.execute(select(*sums)).one())
    return OrderCounts(dict(zip(OrderStatus, counts, strict=True)), unloaded, retried)
