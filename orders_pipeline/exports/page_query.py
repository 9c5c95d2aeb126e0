"""Finds a page of the list of orders, in one of two ways.

A condition that leaves few orders, by an index of its own, leads: those orders are read and sorted. If none
does, the orders that meet the conditions are not rare, so walking the days backwards soon finds a page; only
days are walked on which batches with such orders have any.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    func,
    null,
    or_,
    select,
    union,
)

from orders_pipeline.base.model import FailureReason, OrderStatus, Window
from orders_pipeline.exports.order_filter import OrderFilter, Place
from orders_pipeline.store.order_sets import of_current_attempt
from orders_pipeline.store.prefixes import starts_with
from orders_pipeline.store.schema import (
    batches,
    failures,
    imports,
    order_lines,
    orders,
    payments,
    products,
    sources,
)

# Reading and sorting as many orders takes about as long as finding a page of them among ten million.
FEW = 10_000
REASONS = {
    OrderStatus.FAILED: (
        FailureReason.OUT_OF_STOCK,
        FailureReason.UNKNOWN_PRODUCT,
        FailureReason.CANCELLED,
    ),
    OrderStatus.ROLLBACK: (
        FailureReason.DECLINED,
        FailureReason.EXPIRED,
        FailureReason.CANCELLED,
        FailureReason.NOT_CAPTURED,
    ),
}


@dataclass(frozen=True, slots=True)
class _Condition:
    """A condition over `orders`; where an index helps, the query of all ids that may meet it."""

    met: ColumnElement[bool]
    ids: Any = None


def page_of_ids(
    connection: Connection, wanted: OrderFilter, limit: int, after: Place | None
) -> Sequence[Row[int, date]]:
    """The `id` and `day` of the next orders that meet the conditions, the newest day first."""
    conditions = list(_conditions(connection, wanted))
    query = select(orders.c.id, orders.c.day).where(*(condition.met for condition in conditions))
    day: ColumnElement[date] = orders.c.day
    leading = _leading(connection, conditions)
    if leading is not None:
        # Wrapped in a function, the day cannot use its index: the ids lead.
        day = func.coalesce(orders.c.day, null())
        query = query.where(orders.c.id.in_(leading))
    else:
        part = _part_to_walk(connection, wanted)
        if part is None:
            return []
        wanted = replace(wanted, first=part.first, last=part.last)
        if part.ids:
            # Wrapped, the ids cannot use their index: the days lead.
            query = query.where(func.coalesce(orders.c.id, null()).between(*part.ids))
    query = query.where(*_days(day, wanted, after)).order_by(day.desc(), orders.c.id.desc())
    return connection.execute(query.limit(limit)).all()


def _days(
    day: ColumnElement[date], wanted: OrderFilter, after: Place | None
) -> Iterator[ColumnElement[bool]]:
    if wanted.first is not None:
        yield day >= wanted.first
    last = min((one for one in (wanted.last, after and after.day) if one), default=None)
    if last is not None:
        yield day <= last
    if after is not None:
        yield or_(day < after.day, and_(day == after.day, orders.c.id < after.id))


class _Part(NamedTuple):
    """The days to walk, and the range of ids to look at on each."""

    first: date | None
    last: date | None
    ids: Window | None = None


def _part_to_walk(connection: Connection, wanted: OrderFilter) -> _Part | None:
    """The part that holds all batches with such orders; None if there are none."""
    b = batches.c
    held: list[ColumnElement[bool]] = []
    if wanted.status:
        held.append(b[wanted.status] > 0)
    if wanted.file is not None:
        held.append(b.import_id.in_(select(imports.c.id).where(imports.c.partition_key == wanted.file)))
    if wanted.source is not None:
        held.append(b.source_id.in_(select(sources.c.id).where(sources.c.name == wanted.source)))
    if not held:
        return _Part(wanted.first, wanted.last)
    if wanted.first is not None:
        held.append(or_(b.last_day.is_(None), b.last_day >= wanted.first))
    if wanted.last is not None:
        held.append(or_(b.first_day.is_(None), b.first_day <= wanted.last))
    undated = func.count().filter(b.first_day.is_(None))
    ids = (func.min(b.first_order_id), func.max(b.first_order_id + b.orders - 1))
    query = select(*ids, func.min(b.first_day), func.max(b.last_day), undated).where(*held)
    first_id, last_id, first, last, without = connection.execute(query).one()
    if first_id is None:
        return None
    window = Window(first_id, last_id)
    if without:
        return _Part(wanted.first, wanted.last, window)
    return _Part(max(first, wanted.first or first), min(last, wanted.last or last), window)


def _leading(connection: Connection, conditions: Sequence[_Condition]) -> Any:
    """The query of ids of the condition that leaves the fewest orders, if they are few."""
    least, leading = FEW + 1, None
    for condition in conditions:
        if condition.ids is not None:
            number = _number(connection, condition.ids, least)
            if number < least:
                least, leading = number, condition.ids
    return leading


def _number(connection: Connection, query: Any, most: int) -> int:
    """How many rows a query has, counted up to a limit."""
    some = query.limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def _conditions(connection: Connection, wanted: OrderFilter) -> Iterator[_Condition]:
    if wanted.status is not None:
        yield _of_status(wanted.status)
    if wanted.reason is not None:
        yield _of_reasons(wanted.reason)
    if wanted.customer is not None:
        of_customer = orders.c.customer_id == wanted.customer
        yield _Condition(of_customer, select(orders.c.id).where(of_customer))
    if wanted.sku is not None:
        yield _of_product(connection, wanted.sku)
    if wanted.text is not None:
        yield _with_text(connection, wanted.text)
    if wanted.currency is not None:
        yield _Condition(orders.c.currency == wanted.currency)
    if wanted.file is not None:
        of_file = select(imports.c.id).where(imports.c.partition_key == wanted.file)
        yield _of_batches(connection, orders.c.import_id, batches.c.import_id, of_file)
    if wanted.source is not None:
        named = select(sources.c.id).where(sources.c.name == wanted.source)
        yield _of_batches(connection, orders.c.source_id, batches.c.source_id, named)


def _of_status(status: OrderStatus) -> _Condition:
    met = orders.c.status == status
    return _Condition(met, _failed_for(*REASONS[status]) if status in REASONS else None)


def _of_reasons(reason: FailureReason) -> _Condition:
    failed = _failed_for(reason)
    last = failed.where(of_current_attempt(failures)).correlate(orders).exists()
    return _Condition(and_(orders.c.status.in_(REASONS), last), failed)


def _failed_for(*reasons: FailureReason) -> Select[Any]:
    """The ids of orders of which an attempt failed for one of these reasons."""
    return select(failures.c.order_id).where(failures.c.reason.in_(reasons))


def _of_product(connection: Connection, sku: str) -> _Condition:
    product = connection.execute(select(products.c.id).where(products.c.sku == sku)).scalar()
    lines = select(order_lines.c.order_id).where(order_lines.c.product_id == product)
    has = lines.where(order_lines.c.order_id == orders.c.id).correlate(orders).exists()
    return _Condition(has, lines)


def _of_batches(
    connection: Connection, of_order: ColumnElement[int], of_batch: ColumnElement[int], owner: Select[Any]
) -> _Condition:
    """Orders of a file or of a source. If its batches have few orders, these lead."""
    found = connection.execute(owner).scalar()
    held = select(func.coalesce(func.sum(batches.c.orders), 0)).where(of_batch == found)
    if connection.execute(held).scalar_one() > FEW:
        return _Condition(of_order == found)
    last = batches.c.first_order_id + batches.c.orders - 1
    inside = orders.c.id.between(batches.c.first_order_id, last)
    ids = select(orders.c.id).select_from(batches).join(orders, inside).where(of_batch == found)
    return _Condition(of_order == found, ids)


def _with_text(connection: Connection, text: str) -> _Condition:
    """Orders whose number, customer or transaction is the text, or begins with it."""
    starts = partial(starts_with, connection)
    number, customer = starts(orders.c.number, text), starts(orders.c.customer_id, text)
    paid = select(payments.c.order_id).where(starts(payments.c.transaction_id, text))
    charged = paid.where(payments.c.order_id == orders.c.id).correlate(orders).exists()
    found = (
        # On SQLite the index of numbers begins with the source.
        select(orders.c.id).where(orders.c.source_id.in_(select(sources.c.id)), number),
        select(orders.c.id).where(customer),
        paid,
    )
    some = (part.limit(FEW + 1).subquery().select() for part in found)
    return _Condition(or_(number, customer, charged), union(*some))
