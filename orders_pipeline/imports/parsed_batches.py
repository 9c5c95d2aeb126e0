"""The batches of a parsed file, and which orders they hold."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from orders_pipeline.base.model import OrderStatus, Window
from orders_pipeline.store.schema import batches, orders


def batches_to_load(connection: Connection, import_id: int) -> list[int]:
    """The numbers of the batches that are not loaded completely."""
    query = select(batches.c.number).where(
        batches.c.import_id == import_id, batches.c.loaded < batches.c.orders
    )
    return list(connection.execute(query.order_by(batches.c.number)).scalars())


def batch_numbers(connection: Connection, import_id: int) -> list[int]:
    """The numbers of an import's batches; none before it is parsed."""
    query = select(batches.c.number).where(batches.c.import_id == import_id).order_by(batches.c.number)
    return list(connection.execute(query).scalars())


def order_ids(connection: Connection, import_id: int) -> Window | None:
    """The range of the ids of an import's orders, or None if it has no orders."""
    last = func.max(batches.c.first_order_id + batches.c.orders - 1)
    query = select(func.min(batches.c.first_order_id), last).where(batches.c.import_id == import_id)
    first_id, last_id = connection.execute(query).one()
    return Window(first_id, last_id) if first_id is not None else None


def count_by_status(connection: Connection, import_id: int) -> dict[OrderStatus, int]:
    """The number of an import's orders by status, counted row by row."""
    window = order_ids(connection, import_id)
    if window is None:
        return dict.fromkeys(OrderStatus, 0)
    # Not GROUP BY: SQLite would sort all rows for it.
    counts = [func.count().filter(orders.c.status == status) for status in OrderStatus]
    row = connection.execute(select(*counts).where(orders.c.id.between(window.first, window.last))).one()
    return dict(zip(OrderStatus, row, strict=True))
