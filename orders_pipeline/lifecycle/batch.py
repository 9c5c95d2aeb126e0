"""A batch: the range of order ids that one step works on, its counts, and one transaction on a part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import OrderStatus, Window
from orders_pipeline.store.engine import reading
from orders_pipeline.store.kpi_days import mark_days
from orders_pipeline.store.schema import batches
from orders_pipeline.store.statements.order_sets import OrderSet, in_status
from orders_pipeline.store.statements.planner import join_windows_by_hash


@dataclass(frozen=True, slots=True)
class BatchKey:
    """Names a batch: its import and its number in it."""

    import_id: int
    number: int

    @property
    def row(self) -> ColumnElement[bool]:
        """Condition over `batches`: the row of this batch."""
        return (batches.c.import_id == self.import_id) & (batches.c.number == self.number)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as stored; the counts say how many of its orders have each status."""

    key: BatchKey
    source_id: int
    first_order_id: int
    orders: int
    loaded: int
    counts: dict[OrderStatus, int]

    @property
    def window(self) -> Window:
        """The ids of all orders of the batch."""
        return Window(self.first_order_id, self.first_order_id + self.orders - 1)

    def windows(self, size: int) -> Iterator[Window]:
        """The ids of the batch in ranges of at most `size`. One transaction works on one range."""
        for first in range(self.first_order_id, self.first_order_id + self.orders, size):
            yield Window(first, min(first + size - 1, self.window.last))


@dataclass(frozen=True, slots=True)
class BatchWork:
    """One transaction on a window of a batch, which is locked until the transaction ends.

    Attributes:
        due_days: KPI days whose figures the transaction changes; they are marked at its end.
    """

    connection: Connection
    batch: Batch
    window: Window
    due_days: set[date] = field(default_factory=set)

    def orders_in(self, *statuses: OrderStatus) -> OrderSet:
        """The orders of the window that have one of these statuses."""
        return in_status(self.window, *statuses)

    def days_are_due(self, days: Select[date]) -> None:
        """Marks the KPI days of a query as due for a refresh."""
        self.due_days.update(self.connection.execute(days.distinct()).scalars())

    def count(self, **changes: int) -> None:
        """Adds to the batch's counts, which have the names of their columns, and records its progress."""
        grown = {name: batches.c[name] + number for name, number in changes.items() if number}
        self.connection.execute(
            update(batches).where(self.batch.key.row).values(**grown, progress_at=now_us())
        )


class NoSuchBatchError(LookupError):
    """The store has no such batch."""


def get_batch(engine: Engine, key: BatchKey) -> Batch:
    """The current state of a batch.

    Raises:
        NoSuchBatchError: there is none.
    """
    with reading(engine) as connection:
        return _batch(connection, select(batches).where(key.row), key)


@contextmanager
def batch_work(connection: Connection, key: BatchKey, window: Window) -> Iterator[BatchWork]:
    """Work on a window of a batch, which stays locked for all other steps until the transaction ends.

    All batches share the rows of KPI days. These rows are locked last, in the order of the days, so that two
    transactions cannot deadlock (lock order: import, batch, totals, products, days).

    Raises:
        NoSuchBatchError: there is no such batch.
    """
    join_windows_by_hash(connection)
    batch = _batch(connection, select(batches).where(key.row).with_for_update(), key)
    work = BatchWork(connection, batch, window)
    yield work
    mark_days(connection, work.due_days)


def walk(
    engine: Engine,
    key: BatchKey,
    transaction_orders: int,
    waiting: OrderStatus,
    act: Callable[[BatchWork], object],
) -> Batch:
    """Acts on each window of a batch that has waiting orders, in a transaction each; returns the new state.

    Args:
        transaction_orders: orders in a window, at most.
        waiting: the status from which `act` moves orders on.
    """
    batch = get_batch(engine, key)
    if not batch.counts[waiting]:
        return batch
    for window in batch.windows(transaction_orders):
        with engine.begin() as connection, batch_work(connection, key, window) as work:
            act(work)
    return get_batch(engine, key)


def _batch(connection: Connection, query: Select[Any], key: BatchKey) -> Batch:
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NoSuchBatchError(f"import {key.import_id} has no batch {key.number}")
    counts = {status: row[status] for status in OrderStatus}
    return Batch(key, row["source_id"], row["first_order_id"], row["orders"], row["loaded"], counts)
