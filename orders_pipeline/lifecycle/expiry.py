"""Expiry: rolls back orders whose reservation has expired while nothing works on their import."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, Engine, or_, select

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import FailureReason, OrderStatus, ReservationStatus
from orders_pipeline.lifecycle.batch import BatchKey, batch_work, get_batch
from orders_pipeline.lifecycle.order_lifecycle import release
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import batches, imports, orders, reservations
from orders_pipeline.store.statements.order_sets import of_current_attempt

MICROSECONDS = 1_000_000
BEATING = -1


def expire_reservations(
    engine: Engine, run_patience: float, transaction_orders: int, wait_for_heartbeats: Callable[[], None]
) -> int:
    """Rolls back orders whose reservation has expired; returns how many.

    An import whose run has a heartbeat is left alone, however long its orders wait to be charged. A step that
    begins to charge at the same time has either moved its orders on already, under the lock of their batch,
    or no longer finds them as reserved.

    Args:
        run_patience: seconds without a heartbeat after which a run counts as dead.
        wait_for_heartbeats: returns once every living run has sent another heartbeat. After the clock has
            jumped forward, the last heartbeat of a living run looks old.
    """
    with reading(engine) as connection:
        found = _with_expired(connection, run_patience)
    if found:
        wait_for_heartbeats()
    return sum(
        _expire(engine, key, transaction_orders, run_patience, last_beat) for key, last_beat in found.items()
    )


def _expire(
    engine: Engine, key: BatchKey, transaction_orders: int, run_patience: float, last_beat: int | None
) -> int:
    expired = 0
    for window in get_batch(engine, key).windows(transaction_orders):
        with engine.begin() as connection, batch_work(connection, key, window) as work:
            # The import may have been launched again since it was found.
            if _with_expired(connection, run_patience).get(key, BEATING) == last_beat:
                expired += release(work, _has_expired(), FailureReason.EXPIRED, "held for too long")
    return expired


def any_expired(engine: Engine, run_patience: float) -> bool:
    """Whether a reservation has expired while nothing works on its import."""
    with reading(engine) as connection:
        return bool(_with_expired(connection, run_patience))


def _with_expired(connection: Connection, run_patience: float) -> dict[BatchKey, int | None]:
    """Batches with expired reservations and a silent import, each with the time of its last heartbeat."""
    silent_since = now_us() - int(run_patience * MICROSECONDS)
    expired = select(orders.c.id).where(
        orders.c.id >= batches.c.first_order_id,
        orders.c.id < batches.c.first_order_id + batches.c.orders,
        orders.c.status == OrderStatus.RESERVED,
        _has_expired(),
    )
    query = (
        select(batches.c.import_id, batches.c.number, imports.c.run_beat_at)
        .join(imports, imports.c.id == batches.c.import_id)
        .where(batches.c.reserved > 0)
        .where(or_(imports.c.run_beat_at.is_(None), imports.c.run_beat_at < silent_since))
        .where(expired.exists())
        .order_by(batches.c.import_id, batches.c.number)
    )
    return {BatchKey(row[0], row[1]): row[2] for row in connection.execute(query)}


def _has_expired() -> ColumnElement[bool]:
    expired = select(reservations.c.order_id).where(
        of_current_attempt(reservations),
        reservations.c.status == ReservationStatus.HELD,
        reservations.c.expires_at <= now_us(),
    )
    return expired.correlate(orders).exists()
