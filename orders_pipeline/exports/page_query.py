"""Finds a page of the list of orders, in one of two ways.

If the index of one condition leaves few orders, these orders are read and sorted. Otherwise, orders that meet
the conditions are not rare, so reading the days backwards soon finds a page. As they may be rare on the
newest days, the days are divided into parts (`day_parts.py`), and the choice is made anew for each part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    false,
    func,
    null,
    or_,
    select,
)

from orders_pipeline.base.model import FailureReason, OrderStatus, Window
from orders_pipeline.exports.day_parts import (
    DayPart,
    Held,
    holding,
    holding_numbers,
    part_with_orders,
    parts_with_orders,
)
from orders_pipeline.exports.order_filter import OrderFilter, Place
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
from orders_pipeline.store.statements.order_sets import of_current_attempt
from orders_pipeline.store.statements.planner import plan_for_a_page
from orders_pipeline.store.statements.prefixes import starts_with

# Reading and sorting this many orders takes about as long as finding a page among ten million.
FEW = 10_000
# Within some milliseconds, SQLite reads this many ids from an index, and PostgreSQL half as many orders. If
# there are more, some are found soon on any days.
SOME = 50_000
# The most windows of ids that a query names. For more, it joins the batches.
WINDOWS = 64
Value = TypeVar("Value")
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
    """A condition over `orders`.

    Attributes:
        ids: the query of all ids that may meet it, where an index helps.
        by_id: the column of the ids, if the index is sorted by it and so can find those of a window.
        is_read_at_once: whether the index cannot find those of a window, so more orders may be read and
            sorted.
    """

    met: ColumnElement[bool]
    ids: Any = None
    by_id: ColumnElement[int] | None = None
    is_read_at_once: bool = False

    @property
    def few(self) -> int:
        """How many orders may be read and sorted; fewer if the index can find those of fewer days."""
        if self.is_read_at_once:
            return SOME // 2
        return FEW if self.by_id is None else FEW // 4

    def ids_in(self, window: Window | None) -> Any:
        """The query of the ids in a window; None if no index finds them."""
        if window is None or self.ids is None:
            return self.ids
        return None if self.by_id is None else self.ids.where(self.by_id.between(*window))


@dataclass(frozen=True, slots=True)
class _Search:
    """Finds orders that meet all conditions, after a place."""

    connection: Connection
    wanted: OrderFilter
    after: Place | None
    conditions: Sequence[_Condition]
    held: Held

    def whole(self, limit: int) -> Sequence[Row[int, date]]:
        """The next orders of all days."""
        leading = self._leading(None)
        if leading is not None:
            return self._led(leading, DayPart(self.wanted.first, self.wanted.last), limit)
        found: list[Row[int, date]] = []
        for part in self._parts():
            found += self._of_part(part, limit - len(found))
            if len(found) == limit:
                break
        return found

    def _parts(self) -> Iterator[DayPart]:
        wanted = self.wanted
        last = min((one for one in (wanted.last, self.after and self.after.day) if one), default=None)
        days = DayPart(wanted.first, last)
        if self._has_index or self.held:
            yield from parts_with_orders(self.connection, self.held, days)
        else:
            yield days

    def _of_part(self, part: DayPart, limit: int) -> Sequence[Row[int, date]]:
        """The next orders of these days. If an index has too many, the days are halved."""
        leading = self._leading(part.ids) if part.ids else None
        if leading is not None:
            return self._led(leading, part, limit)
        halves = part.halves() if self._has_index else None
        if halves is None:
            return self._walked(part, limit)
        found: list[Row[int, date]] = []
        for half in halves:
            narrowed = part_with_orders(self.connection, self.held, half)
            if narrowed and len(found) < limit:
                found += self._of_part(narrowed, limit - len(found))
        return found

    @property
    def _has_index(self) -> bool:
        return any(condition.by_id is not None for condition in self.conditions)

    def _leading(self, window: Window | None) -> Any:
        """The query of ids of the condition that leaves the fewest orders; None if none leaves few."""
        least, leading = SOME + 1, None
        for condition in self.conditions:
            ids = condition.ids_in(window)
            if ids is not None:
                most = min(least, condition.few + 1)
                number = _number(self.connection, ids, most)
                if number < most:
                    least, leading = number, ids
        return leading

    def _led(self, leading: Any, part: DayPart, limit: int) -> Sequence[Row[int, date]]:
        return self._read(_hidden(orders.c.day), part, limit, _among(leading))

    def _walked(self, part: DayPart, limit: int) -> Sequence[Row[int, date]]:
        inside = [_hidden(orders.c.id).between(*part.ids)] if part.ids else []
        return self._read(orders.c.day, part, limit, *inside)

    def _read(
        self, day: ColumnElement[date], part: DayPart, limit: int, *more: ColumnElement[bool]
    ) -> Sequence[Row[int, date]]:
        query = (
            select(orders.c.id, orders.c.day)
            .where(*(condition.met for condition in self.conditions), *more)
            .where(*_days(day, part, self.after))
            .order_by(day.desc(), orders.c.id.desc())
        )
        return self.connection.execute(query.limit(limit)).all()


def page_of_ids(
    connection: Connection, wanted: OrderFilter, limit: int, after: Place | None
) -> Sequence[Row[int, date]]:
    """The `id` and `day` of the next orders that meet the conditions, the newest day first."""
    plan_for_a_page(connection)
    conditions, held = list(_conditions(connection, wanted)), holding(wanted)
    search = partial(_Search, connection, wanted, after)
    if wanted.text is None:
        return search(conditions, held).whole(limit)
    texts = _with_text(connection, wanted.text)
    found = [search([*conditions, one], [*held, *more]).whole(limit) for one, more in texts]
    ids_and_days = {(row.id, row.day): row for rows in found for row in rows}
    newest = sorted(ids_and_days, key=lambda row: (row[1], row[0]), reverse=True)
    return [ids_and_days[one] for one in newest[:limit]]


def _days(day: ColumnElement[date], part: DayPart, after: Place | None) -> Iterator[ColumnElement[bool]]:
    if part.first is not None:
        yield day >= part.first
    last = min((one for one in (part.last, after and after.day) if one), default=None)
    if last is not None:
        yield day <= last
    if after is not None:
        yield or_(day < after.day, and_(day == after.day, orders.c.id < after.id))


def _among(ids: Any) -> ColumnElement[bool]:
    """The condition that an order is in the query of ids. A query of `orders` gives its own condition."""
    if ids.get_final_froms() == [orders]:
        return cast(ColumnElement[bool], ids.whereclause)
    return orders.c.id.in_(ids)


def _hidden(column: ColumnElement[Value]) -> ColumnElement[Value]:
    """The column as an expression without an index, so that the index of another condition is used."""
    return func.coalesce(column, null())


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
        customer = _with_value(orders.c.customer_id, wanted.customer)
        yield _read_at_once(customer) if connection.dialect.name == "postgresql" else customer
    if wanted.sku is not None:
        yield _of_product(connection, wanted.sku)
    if wanted.currency is not None:
        yield _with_value(orders.c.currency, wanted.currency)
    if wanted.file is not None:
        of_file = select(imports.c.id).where(imports.c.partition_key == wanted.file)
        yield _of_batches(connection, orders.c.import_id, batches.c.import_id, of_file)
    if wanted.source is not None:
        named = select(sources.c.id).where(sources.c.name == wanted.source)
        yield _of_batches(connection, orders.c.source_id, batches.c.source_id, named)


def _with_value(column: ColumnElement[str], value: str) -> _Condition:
    return _Condition(_hidden(column) == value, select(orders.c.id).where(column == value), orders.c.id)


def _of_status(status: OrderStatus) -> _Condition:
    met = orders.c.status == status
    if status not in REASONS:
        return _Condition(met)
    return _Condition(met, _failed_for(*REASONS[status]), failures.c.order_id)


def _of_reasons(reason: FailureReason) -> _Condition:
    failed = _failed_for(reason)
    last = failed.where(of_current_attempt(failures)).correlate(orders).exists()
    return _Condition(and_(orders.c.status.in_(REASONS), last), failed, failures.c.order_id)


def _failed_for(*reasons: FailureReason) -> Select[Any]:
    """The ids of orders of which an attempt failed for one of these reasons."""
    return select(failures.c.order_id).where(failures.c.reason.in_(reasons))


def _of_product(connection: Connection, sku: str) -> _Condition:
    product = connection.execute(select(products.c.id).where(products.c.sku == sku)).scalar()
    lines = select(order_lines.c.order_id).where(order_lines.c.product_id == product)
    has = lines.where(order_lines.c.order_id == orders.c.id).correlate(orders).exists()
    return _Condition(has, lines, order_lines.c.order_id)


def _of_batches(
    connection: Connection, of_order: ColumnElement[int], of_batch: ColumnElement[int], owner: Select[Any]
) -> _Condition:
    """Orders of a file or of a source. If its batches have few orders, their ids are named."""
    found = connection.execute(owner).scalar()
    met = _hidden(of_order) == found
    last = batches.c.first_order_id + batches.c.orders - 1
    held = func.coalesce(func.sum(batches.c.orders), 0)
    number, windows = connection.execute(select(held, func.count()).where(of_batch == found)).one()
    if number > FEW:
        return _Condition(met)
    if windows > WINDOWS:
        inside = orders.c.id.between(batches.c.first_order_id, last)
        ids = select(orders.c.id).select_from(batches).join(orders, inside).where(of_batch == found)
        return _Condition(met, ids)
    named = connection.execute(select(batches.c.first_order_id, last).where(of_batch == found))
    return _Condition(
        met, select(orders.c.id).where(or_(false(), *(orders.c.id.between(*one) for one in named)))
    )


def _with_text(connection: Connection, text: str) -> Iterator[tuple[_Condition, Held]]:
    """Orders whose number, customer or transaction is the text or begins with it, as separate conditions.

    One condition on all three could use no index: one kind may be common, and the others rare or old.
    """
    starts = partial(starts_with, connection)
    numbers = select(orders.c.id).where(starts(orders.c.number, text))
    if connection.dialect.name == "sqlite":
        # SQLite's index of numbers begins with the source.
        numbers = numbers.where(orders.c.source_id.in_(select(sources.c.id)))
    numbered = starts(_hidden(orders.c.number), text)
    yield _with_prefix(connection, numbered, numbers), [holding_numbers(connection, text)]
    customers = select(orders.c.id).where(starts(orders.c.customer_id, text))
    yield _with_prefix(connection, starts(_hidden(orders.c.customer_id), text), customers), []
    paid = select(payments.c.order_id).where(starts(payments.c.transaction_id, text))
    charged = paid.where(payments.c.order_id == orders.c.id).correlate(orders).exists()
    yield _with_prefix(connection, charged, paid), []


def _with_prefix(connection: Connection, met: ColumnElement[bool], ids: Select[Any]) -> _Condition:
    """A condition whose index is not sorted by id, so the ids of a window are found only by reading all."""
    if connection.dialect.name == "postgresql":
        return _read_at_once(_Condition(met, ids))
    (order_id,) = ids.selected_columns
    is_read_soon = _number(connection, ids, SOME + 1) <= SOME
    return _Condition(met, ids, _hidden(order_id) if is_read_soon else None)


def _read_at_once(condition: _Condition) -> _Condition:
    """The condition for PostgreSQL, whose index has no ids, so that a window would read all orders."""
    return replace(condition, by_id=None, is_read_at_once=True)
