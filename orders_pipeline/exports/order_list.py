"""Lists and searches orders: the newest day first, page by page.

A page starts after a day and an id (keyset), so orders that arrive between two pages neither repeat nor hide
others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select

from orders_pipeline.base.model import OrderStatus
from orders_pipeline.exports.columns_of_orders import (
    ATTEMPTS,
    CURRENCY,
    NUMBER,
    REFUNDED,
    TOTAL,
    TRANSACTION,
    failure_text,
    refunded_by_order,
)
from orders_pipeline.exports.order_filter import OrderFilter, Place
from orders_pipeline.exports.page_query import page_of_ids
from orders_pipeline.exports.table import Column, ExportTable, Kind, Row
from orders_pipeline.figures.kpis.warehouse.facts import settled_at
from orders_pipeline.store.schema import (
    batches,
    customers,
    failures,
    imports,
    orders,
    payments,
    reservations,
    sources,
)
from orders_pipeline.store.statements.order_sets import of_current_attempt

SOURCE = Column(
    "source", Kind.TEXT, "Where the order comes from; with the number, it names the order.", "shopify"
)
STATUS = Column("status", Kind.TEXT, "Status of the order.", "completed")
DAY = Column("day", Kind.DAY, "KPI day: the order's date in the configured time zone.", "2025-11-10")
ORDER_LIST = ExportTable(
    "orders",
    "All imported orders, the newest day first; within a day, those loaded last first.",
    (
        NUMBER,
        SOURCE,
        STATUS,
        Column("customer_id", Kind.TEXT, "Customer id; empty for a guest.", "505"),
        Column(
            "customer_name", Kind.TEXT, "Name in the customer's most recently loaded order.", "David Johnson"
        ),
        TOTAL,
        CURRENCY,
        REFUNDED,
        TRANSACTION,
        Column(
            "reason",
            Kind.TEXT,
            "Why it was not completed: a stable code, a colon and the details.",
            "declined: insufficient_funds",
        ),
        ATTEMPTS,
        DAY,
        Column("ordered_at", Kind.TIME, "Time of the order, in UTC.", "2025-11-10T10:00:00.000+00:00"),
        Column(
            "settled_at",
            Kind.TIME,
            "When it was completed, failed or was rolled back, in UTC.",
            "2025-11-10T12:00:00.000+00:00",
        ),
        Column("file", Kind.TEXT, "Partition key of the file that brought it.", "orders.csv-0123456789ab"),
        Column("file_line", Kind.INTEGER, "Line of the file on which it starts.", 2),
    ),
)
# Orders of an export that are read at once.
PAGE = 2_000


def list_orders(
    connection: Connection, wanted: OrderFilter, limit: int, after: Place | None = None
) -> tuple[list[Row], Place | None]:
    """A page of orders, as rows of `ORDER_LIST`, and where the next page begins, if there are more."""
    ids = page_of_ids(connection, wanted, limit + 1, after)
    places = {row.id: Place(row.day, row.id) for row in ids[:limit]}
    found = {row[0]: row[1:] for row in connection.execute(_orders(list(places)))}
    rows: list[Row] = list(ORDER_LIST.rows(found[order_id] for order_id in places))
    return rows, places[ids[limit - 1].id] if len(ids) > limit else None


def all_orders(connection: Connection, wanted: OrderFilter) -> Iterator[Row]:
    """Yields all orders that meet the conditions, page by page from one snapshot."""
    after, more = None, True
    while more:
        rows, after = list_orders(connection, wanted, PAGE, after)
        yield from rows
        more = after is not None


def named_orders(connection: Connection, names: Sequence[tuple[str, str]]) -> list[Row]:
    """The orders with these sources and numbers, as rows of `ORDER_LIST`."""
    query = (
        select(orders.c.id, sources.c.name, orders.c.number)
        .join(sources, sources.c.id == orders.c.source_id)
        .where(sources.c.name.in_({source for source, _ in names}))
        .where(orders.c.number.in_({number for _, number in names}))
    )
    ids = [row.id for row in connection.execute(query) if (row.name, row.number) in set(names)]
    return list(ORDER_LIST.rows(row[1:] for row in connection.execute(_orders(ids))))


def total_of(connection: Connection, wanted: OrderFilter) -> int | None:
    """Returns the number of orders that meet the conditions, if it follows from counts of batches.

    Otherwise None.
    """
    if wanted != OrderFilter(status=wanted.status, file=wanted.file, source=wanted.source):
        return None
    counts = [batches.c[status] for status in ([wanted.status] if wanted.status else OrderStatus)]
    number = func.coalesce(func.sum(sum(counts[1:], start=counts[0])), 0)
    query = select(number).join(imports, imports.c.id == batches.c.import_id)
    if wanted.file is not None:
        query = query.where(imports.c.partition_key == wanted.file)
    if wanted.source is not None:
        query = query.join(sources, sources.c.id == batches.c.source_id).where(
            sources.c.name == wanted.source
        )
    return int(connection.execute(query).scalar_one())


def _orders(ids: list[int]) -> Select[Any]:
    """The rows of these orders, each after its id."""
    chosen = orders.c.id.in_(ids)
    refunded = refunded_by_order(lambda order_id: order_id.in_(ids))
    return (
        select(
            orders.c.id,
            orders.c.number,
            sources.c.name,
            orders.c.status,
            orders.c.customer_id,
            customers.c.name,
            orders.c.total,
            orders.c.currency,
            func.coalesce(refunded.c.amount, 0),
            payments.c.transaction_id,
            failure_text(),
            orders.c.attempt,
            orders.c.day,
            orders.c.ordered_at,
            settled_at(),
            imports.c.partition_key,
            orders.c.file_line,
        )
        .join_from(orders, sources, sources.c.id == orders.c.source_id)
        .join(imports, imports.c.id == orders.c.import_id)
        .outerjoin(customers, customers.c.id == orders.c.customer_id)
        .outerjoin(reservations, and_(of_current_attempt(reservations), reservations.c.order_id.in_(ids)))
        .outerjoin(payments, and_(of_current_attempt(payments), payments.c.order_id.in_(ids)))
        .outerjoin(failures, and_(of_current_attempt(failures), failures.c.order_id.in_(ids)))
        .outerjoin(refunded, refunded.c.order_id == orders.c.id)
        .where(chosen)
    )
