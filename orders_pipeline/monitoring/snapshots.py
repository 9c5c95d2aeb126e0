"""Snapshots of queues and throughput: one row every few minutes, kept for eight days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import pairwise

from sqlalchemy import Connection, Engine, delete, select

from orders_pipeline.base.clock import duration_us, now_us
from orders_pipeline.base.model import PROCESSING, SETTLED, OrderStatus
from orders_pipeline.monitoring.order_counts import OrderCounts, order_counts
from orders_pipeline.store.schema import snapshots
from orders_pipeline.store.statements.upsert import insert_into

KEPT = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Waiting tasks by queue, and the numbers of open and settled orders, in all currencies.

    Args:
        taken_at: microseconds since 1970.
        ended: order attempts that ended, of all time. Unlike `settled`, it never falls.
        unsold: the attempts among them that ended without a sale.
    """

    taken_at: int
    waiting: dict[str, int]
    pending: int
    processing: int
    settled: int
    ended: int = 0
    unsold: int = 0


def take_snapshot(engine: Engine, waiting: Mapping[str, int]) -> Snapshot:
    """Stores a snapshot, and deletes those older than eight days.

    Args:
        waiting: tasks by queue; None while the broker does not answer.
    """
    with engine.begin() as connection:
        taken = _snapshot(now_us(), dict(waiting), order_counts(connection))
        connection.execute(insert_into(connection, snapshots).values(asdict(taken)).on_conflict_do_nothing())
        old = snapshots.c.taken_at < taken.taken_at - duration_us(KEPT)
        connection.execute(delete(snapshots).where(old))
    return taken


def snapshots_of_last(connection: Connection, period: timedelta) -> list[Snapshot]:
    """The snapshots of a period up to now, in order."""
    since = now_us() - duration_us(period)
    query = select(snapshots).where(snapshots.c.taken_at >= since).order_by(snapshots.c.taken_at)
    return [Snapshot(**row) for row in connection.execute(query).mappings()]


def rates_between(taken: list[Snapshot]) -> list[float | None]:
    """Orders settled per second between each snapshot and the previous one. The first has none."""
    rates: list[float | None] = [None] if taken else []
    for before, after in pairwise(taken):
        # A retried order is open again, so the number can fall.
        number = max(after.settled - before.settled, 0)
        rates.append(round(number * 1_000_000 / (after.taken_at - before.taken_at), 2))
    return rates


def snapshot_before(connection: Connection, time: int) -> Snapshot | None:
    """The last snapshot before a time, in microseconds; else the first snapshot, if there is one."""
    before = select(snapshots).where(snapshots.c.taken_at <= time).order_by(snapshots.c.taken_at.desc())
    first = select(snapshots).order_by(snapshots.c.taken_at)
    for query in (before, first):
        if row := connection.execute(query.limit(1)).mappings().first():
            return Snapshot(**row)
    return None


def _snapshot(now: int, waiting: dict[str, int], counts: OrderCounts) -> Snapshot:
    return Snapshot(
        taken_at=now,
        waiting=waiting,
        pending=counts.by_status[OrderStatus.PENDING],
        processing=sum(counts.by_status[status] for status in PROCESSING),
        settled=sum(counts.by_status[status] for status in SETTLED),
        ended=counts.completed + counts.unsold,
        unsold=counts.unsold,
    )
