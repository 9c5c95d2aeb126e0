"""A batch: the range of order ids that one step works on, its counts, and what each step shares."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    func,
    literal,
    select,
    text,
    update,
)

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import OrderStatus, Window
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import batches, kpi_days, orders
from orders_pipeline.store.upsert import insert_into


@dataclass(frozen=True, slots=True)
class BatchKey:
    """Names a batch: its import and its number in it."""

    import_id: int
    number: int


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as the store has it; the counts say how many of its orders stand where."""

    key: BatchKey
    source_id: int
    first_order_id: int
    orders: int
    loaded: int
    counts: dict[OrderStatus, int]

    @property
    def window(self) -> Window:
        """The ids of all its orders."""
        return Window(self.first_order_id, self.first_order_id + self.orders - 1)

    def windows(self, size: int) -> Iterator[Window]:
        """Its ids in ranges of at most `size`, each the work of one transaction."""
        for first in range(self.first_order_id, self.first_order_id + self.orders, size):
            yield Window(first, min(first + size - 1, self.window.last))


@dataclass(frozen=True, slots=True)
class OrderSet:
    """Orders of one window; `ids` is a query of them."""

    window: Window
    ids: Select[tuple[int]]

    def within(self, column: Column[int]) -> ColumnElement[bool]:
        """Condition: the column lies in the window, so that no more than that part of its table is read."""
        return column.between(self.window.first, self.window.last)

    def has(self, column: Column[int]) -> ColumnElement[bool]:
        """Condition: the column names one of the orders."""
        return and_(self.within(column), column.in_(self.ids))


class NoSuchBatchError(LookupError):
    """The store knows no such batch."""


def get_batch(engine: Engine, key: BatchKey) -> Batch:
    """The batch as it stands now."""
    with reading(engine) as connection:
        return _batch(connection, _by_key(key), key)


def lock_batch(connection: Connection, key: BatchKey) -> Batch:
    """The batch, with every other step on it kept out until this transaction ends."""
    join_windows_by_hash(connection)
    return _batch(connection, _by_key(key).with_for_update(), key)


def join_windows_by_hash(connection: Connection) -> None:
    """Keeps PostgreSQL from probing an index once for each order of a window, until the transaction ends.

    No statistics cover rows this new, so that its planner takes thousands of them for one.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL enable_nestloop = off"))


@contextmanager
def any_join(connection: Connection) -> Iterator[None]:
    """Leaves PostgreSQL its choice again while the context lasts: for tables of which no window is wanted."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL enable_nestloop = on"))
    yield
    join_windows_by_hash(connection)


def _by_key(key: BatchKey) -> Select[Any]:
    return select(batches).where(batches.c.import_id == key.import_id, batches.c.number == key.number)


def _batch(connection: Connection, query: Select[Any], key: BatchKey) -> Batch:
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NoSuchBatchError(f"import {key.import_id} has no batch {key.number}")
    counts = {status: row[status] for status in OrderStatus}
    return Batch(key, row["source_id"], row["first_order_id"], row["orders"], row["loaded"], counts)


def count_moves(connection: Connection, key: BatchKey, moves: dict[OrderStatus, int], **more: int) -> None:
    """Adds to the batch's counts and notes its progress."""
    changes = {status.value: batches.c[status] + number for status, number in moves.items() if number}
    changes |= {name: batches.c[name] + number for name, number in more.items()}
    connection.execute(
        update(batches)
        .where(batches.c.import_id == key.import_id, batches.c.number == key.number)
        .values(**changes, progress_at=now_us())
    )


def mark_days(connection: Connection, changed: Select[tuple[date]]) -> None:
    """Makes these KPI days, a query of one column, due for a refresh."""
    day = changed.selected_columns[0]
    first = changed.add_columns(literal(1), literal(0), literal(now_us()))
    days = first.where(day.is_not(None)).distinct().order_by(day)
    columns = ["day", "version", "published", "due_since"]
    statement = insert_into(connection, kpi_days).from_select(columns, days)
    grown = {
        "version": kpi_days.c.version + 1,
        "due_since": func.coalesce(kpi_days.c.due_since, statement.excluded.due_since),
    }
    connection.execute(statement.on_conflict_do_update(index_elements=["day"], set_=grown))


def orders_in(window: Window, *statuses: OrderStatus) -> Any:
    """Condition: the order lies in the window and has one of these statuses."""
    return and_(orders.c.id.between(window.first, window.last), orders.c.status.in_(statuses))


def count_of(connection: Connection, query: Select[Any]) -> int:
    """How many rows a query has."""
    return connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
