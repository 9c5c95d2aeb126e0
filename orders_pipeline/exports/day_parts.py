"""Parts of the days of a list of orders: those on which batches have such orders, the newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Connection, func, or_, select

from orders_pipeline.base.model import Window
from orders_pipeline.exports.order_filter import OrderFilter
from orders_pipeline.store.schema import batches, imports, sources
from orders_pipeline.store.statements.prefixes import some_may_start_with

# Conditions over `batches`: by what is stored about a batch, it may have the wanted orders.
Held = Sequence[ColumnElement[bool]]
# The growth factor of parts: each has this many times the days of the previous part, which had too few
# orders.
GROWTH = 4


@dataclass(frozen=True, slots=True)
class DayPart:
    """Days, both ends included, and the window of all orders on them; None: not limited."""

    first: date | None
    last: date | None
    ids: Window | None = None

    def halves(self) -> tuple[DayPart, DayPart] | None:
        """The newer and the older days; None if it cannot be split."""
        if self.first is None or self.last is None or self.first == self.last:
            return None
        middle = self.first + (self.last - self.first) // 2
        return DayPart(middle + timedelta(days=1), self.last), DayPart(self.first, middle)


def parts_with_orders(connection: Connection, held: Held, days: DayPart) -> Iterator[DayPart]:
    """Yields parts of the days, the newest first, without those on which no batch has such orders."""
    whole = part_with_orders(connection, held, days)
    if whole is None:
        return
    if whole.first is None or whole.last is None:
        yield whole
        return
    last, number = whole.last, 1
    while last >= whole.first:
        first = max(whole.first, last - timedelta(days=number - 1))
        part = part_with_orders(connection, held, DayPart(first, last))
        if part is not None:
            yield part
        last, number = first - timedelta(days=1), number * GROWTH


def part_with_orders(connection: Connection, held: Held, days: DayPart) -> DayPart | None:
    """The days on which batches may have such orders, with their window; None if there are none."""
    b = batches.c
    conditions = [b.orders > 0, *held]
    if days.first is not None:
        conditions.append(or_(b.last_day.is_(None), b.last_day >= days.first))
    if days.last is not None:
        conditions.append(or_(b.first_day.is_(None), b.first_day <= days.last))
    # An older version noted no days. A batch that has none yet has no orders in the store.
    undated = func.count().filter(b.first_day.is_(None), b.loaded > 0)
    ids = (func.min(b.first_order_id), func.max(b.first_order_id + b.orders - 1))
    query = select(*ids, func.min(b.first_day), func.max(b.last_day), undated).where(*conditions)
    first_id, last_id, first, last, without = connection.execute(query).one()
    if first_id is None:
        return None
    window = Window(first_id, last_id)
    if without or first is None:
        return DayPart(days.first, days.last, window)
    return DayPart(max(first, days.first or first), min(last, days.last or last), window)


def holding(wanted: OrderFilter) -> Held:
    """The conditions of a filter, all of which have to be met."""
    b = batches.c
    held = []
    if wanted.status:
        held.append(b[wanted.status] > 0)
    if wanted.file is not None:
        held.append(b.import_id.in_(select(imports.c.id).where(imports.c.partition_key == wanted.file)))
    if wanted.source is not None:
        held.append(b.source_id.in_(select(sources.c.id).where(sources.c.name == wanted.source)))
    return held


def holding_numbers(connection: Connection, text: str) -> ColumnElement[bool]:
    """The condition that a batch may have an order whose number begins with a text."""
    b = batches.c
    return some_may_start_with(connection, b.first_number, b.last_number, text)
