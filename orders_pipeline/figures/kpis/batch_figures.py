"""What the batches of the order store say about the present, without a look at orders that did not move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    true,
)

from orders_pipeline.base.model import OPEN, PROCESSING, SETTLED, UNSOLD, ImportStatus, OrderStatus
from orders_pipeline.figures.kpis.facts import settled_at
from orders_pipeline.store.order_sets import of_current_attempt
from orders_pipeline.store.schema import batches, failures, imports, orders, reservations

MOVES = ("progress_at", "loaded", *OrderStatus)


@dataclass(frozen=True, slots=True)
class Live:
    """Orders of one currency: open ones, and those settled today; revenue in the currency's minor unit."""

    pending: int = 0
    processing: int = 0
    completed: int = 0
    failed: int = 0
    revenue: int = 0

    def __add__(self, other: Live) -> Live:
        return Live(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class MovingBatch:
    """A batch with open orders or progress today; `state` changes with each move of its orders and by day."""

    name: str
    first_id: int
    last_id: int
    loaded: bool
    started_today: bool
    pending: int
    processing: int
    settled: int
    state: str


ByCurrency = dict[str, Live]
Known = tuple[str, ByCurrency]


def state_of_all(connection: Connection) -> str:
    """Changes with each move of an order and with each import that starts or ends."""
    sums = [func.coalesce(func.sum(batches.c[status]), 0) for status in OrderStatus]
    moves = connection.execute(select(func.coalesce(func.max(batches.c.progress_at), 0), *sums)).one()
    running = select(func.count()).where(imports.c.status == ImportStatus.RUNNING)
    return "-".join(str(number) for number in (*moves, connection.execute(running).scalar_one()))


def moving_batches(connection: Connection, midnight: int) -> list[MovingBatch]:
    """Batches that today's figures depend on."""
    unsettled = or_(*(batches.c[status] > 0 for status in OPEN))
    query = (
        select(batches, imports.c.started_at)
        .join(imports, imports.c.id == batches.c.import_id)
        .where(or_(batches.c.progress_at >= midnight, unsettled))
    )
    return [_moving(row, midnight) for row in connection.execute(query).mappings()]


def figures_of_batch(
    connection: Connection, batch: MovingBatch, known: Known | None, midnight: int
) -> ByCurrency:
    """Figures of a batch by currency; its orders are read only if what is known of it does not tell.

    Args:
        known: an earlier state of the batch, after all of it was loaded, and its figures then.
    """
    if known and known[0] == batch.state:
        return known[1]
    if known and len(known[1]) == 1 and not batch.settled:
        return {currency: Live(batch.pending, batch.processing) for currency in known[1]}
    return _read(connection, batch, midnight)


def settled_per_second(connection: Connection, now: int) -> float:
    """Orders of every currency that running imports settled, by the seconds since the first of them began."""
    settled = sum(batches.c[status] for status in SETTLED)
    query = (
        select(func.coalesce(func.sum(settled), 0), func.min(imports.c.started_at))
        .join_from(imports, batches, batches.c.import_id == imports.c.id)
        .where(imports.c.status == ImportStatus.RUNNING)
    )
    number, started_at = connection.execute(query).one()
    return round(int(number) * 1_000_000 / max(now - started_at, 1), 1) if number and started_at else 0.0


def add_up(figures: Iterable[Mapping[str, Live]]) -> ByCurrency:
    """Sums by currency."""
    total: ByCurrency = {}
    for by_currency in figures:
        for currency, live in by_currency.items():
            total[currency] = total.get(currency, Live()) + live
    return total


def _moving(row: RowMapping, midnight: int) -> MovingBatch:
    return MovingBatch(
        name=f"{row['import_id']}.{row['number']}",
        first_id=row["first_order_id"],
        last_id=row["first_order_id"] + row["orders"] - 1,
        loaded=row["loaded"] >= row["orders"],
        started_today=(row["started_at"] or 0) >= midnight,
        pending=row[OrderStatus.PENDING],
        processing=sum(row[status] for status in PROCESSING),
        settled=sum(row[status] for status in SETTLED),
        state="-".join(str(value) for value in (midnight, *(row[name] for name in MOVES))),
    )


def _read(connection: Connection, batch: MovingBatch, midnight: int) -> ByCurrency:
    query = _counts(true() if batch.started_today else settled_at() >= midnight)
    if not batch.started_today:
        query = query.outerjoin_from(orders, reservations, of_current_attempt(reservations)).outerjoin(
            failures, of_current_attempt(failures)
        )
    rows = connection.execute(query.where(orders.c.id.between(batch.first_id, batch.last_id)))
    return {row[0]: Live(*(int(number) for number in row[1:])) for row in rows}


def _counts(today: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    sold = and_(orders.c.status == OrderStatus.COMPLETED, today)
    return select(
        orders.c.currency,
        _sum(orders.c.status == OrderStatus.PENDING),
        _sum(orders.c.status.in_(PROCESSING)),
        _sum(sold),
        _sum(and_(orders.c.status.in_(UNSOLD), today)),
        _sum(sold, orders.c.total),
    ).group_by(orders.c.currency)


def _sum(condition: ColumnElement[bool], amount: Any = 1) -> ColumnElement[Any]:
    return func.sum(case((condition, amount), else_=literal(0)))
