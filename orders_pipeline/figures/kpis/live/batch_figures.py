"""Live figures from the batches of the order store. Orders of unchanged batches are not read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
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
from orders_pipeline.figures.kpis.live.batch_counts import BatchCounts, batch_counts
from orders_pipeline.figures.kpis.warehouse.facts import settled_at
from orders_pipeline.store.schema import batches, failures, imports, orders, reservations
from orders_pipeline.store.statements.order_sets import of_current_attempt


@dataclass(frozen=True, slots=True)
class Live:
    """The open orders of one currency, and those settled today. Revenue is in the currency's minor unit."""

    pending: int = 0
    processing: int = 0
    completed: int = 0
    failed: int = 0
    revenue: int = 0

    def __add__(self, other: Live) -> Live:
        return Live(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


ByCurrency = dict[str, Live]
# Figures by currency, JSON-ready: the fields of each `Live`.
Numbers = dict[str, list[int]]


def state_of_all(connection: Connection) -> str:
    """Returns a value that changes whenever an order changes status, or an import starts or ends."""
    sums = [func.coalesce(func.sum(batches.c[status]), 0) for status in OrderStatus]
    moves = connection.execute(select(func.coalesce(func.max(batches.c.progress_at), 0), *sums)).one()
    running = select(func.count()).where(imports.c.status == ImportStatus.RUNNING)
    return "-".join(str(number) for number in (*moves, connection.execute(running).scalar_one()))


def moving_batches(connection: Connection, midnight: int) -> list[BatchCounts]:
    """Returns the batches that today's figures depend on. Their state also changes at midnight."""
    unsettled = or_(*(batches.c[status] > 0 for status in OPEN))
    moving = batch_counts(connection, or_(batches.c.progress_at >= midnight, unsettled))
    return [replace(batch, state=f"{midnight}-{batch.state}") for batch in moving]


def figures_of_batch(
    connection: Connection, midnight: int, batch: BatchCounts, before: Numbers | None
) -> Numbers:
    """Returns the figures of a batch by currency. Its orders are read only if its counts are not enough.

    Args:
        before: its figures in an earlier state, computed after the whole batch was loaded.
    """
    if before and len(before) == 1 and not batch.in_status(*SETTLED):
        live = Live(batch.in_status(OrderStatus.PENDING), batch.in_status(*PROCESSING))
        return {currency: list(astuple(live)) for currency in before}
    return _read(connection, batch, midnight)


def settled_per_second(connection: Connection, now: int) -> float:
    """Returns the orders per second that running imports settled since the first of them started."""
    settled = sum(batches.c[status] for status in SETTLED)
    query = (
        select(func.coalesce(func.sum(settled), 0), func.min(imports.c.started_at))
        .join_from(imports, batches, batches.c.import_id == imports.c.id)
        .where(imports.c.status == ImportStatus.RUNNING)
    )
    number, started_at = connection.execute(query).one()
    return round(int(number) * 1_000_000 / max(now - started_at, 1), 1) if number and started_at else 0.0


def add_up(figures: Iterable[Numbers]) -> ByCurrency:
    """Returns the sums by currency."""
    total: ByCurrency = {}
    for by_currency in figures:
        for currency, numbers in by_currency.items():
            total[currency] = total.get(currency, Live()) + Live(*numbers)
    return total


def _read(connection: Connection, batch: BatchCounts, midnight: int) -> Numbers:
    started_today = batch.started_at >= midnight
    query = _counts(true() if started_today else settled_at() >= midnight)
    if not started_today:
        query = query.outerjoin_from(orders, reservations, of_current_attempt(reservations)).outerjoin(
            failures, of_current_attempt(failures)
        )
    rows = connection.execute(query.where(orders.c.id.between(*batch.window)))
    return {row[0]: [int(number) for number in row[1:]] for row in rows}


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
