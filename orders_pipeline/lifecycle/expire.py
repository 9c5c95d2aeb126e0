"""Sweep reservations that outlived their hold: nobody works on their import any more."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, Engine, and_, or_, select

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import FailureReason, OrderStatus, ReservationStatus
from orders_pipeline.imports.heartbeat import BEAT_SECONDS
from orders_pipeline.lifecycle.batch import BatchKey, get_batch, lock_batch
from orders_pipeline.lifecycle.release import roll_back_reserved
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import batches, imports, orders, reservations

MICROSECONDS = 1_000_000
EXPIRED = FailureReason.EXPIRED
ALIVE = -1


def _listen() -> None:
    time.sleep(2 * BEAT_SECONDS)


def expire_reservations(
    engine: Engine,
    run_patience: float,
    transaction_orders: int,
    listen: Callable[[], None] = _listen,
) -> int:
    """Rolls back orders whose reservation has expired; how many.

    An import whose run gives signs of life is left alone, however long its orders wait to be charged. One
    that begins to charge meanwhile has moved its orders on under the lock of their batch, or finds them gone.

    Args:
        run_patience: seconds without a sign of life after which a run counts as dead.
        listen: returns when whoever lives has given another sign of life; a clock that jumped forward makes
            the last one look old.
    """
    expired = 0
    with reading(engine) as connection:
        found = _with_expired(connection, run_patience)
    if found:
        listen()
    for key, last_beat in found.items():
        for window in get_batch(engine, key).windows(transaction_orders):
            with engine.begin() as connection:
                lock_batch(connection, key)
                # Somebody may have launched the import again since it was found.
                if _with_expired(connection, run_patience).get(key, ALIVE) == last_beat:
                    expired += roll_back_reserved(
                        connection, key, window, _outlived(), EXPIRED, "held for too long"
                    )
    return expired


def any_expired(engine: Engine, run_patience: float) -> bool:
    """Whether there is anything to sweep."""
    with reading(engine) as connection:
        return bool(_with_expired(connection, run_patience))


def _with_expired(connection: Connection, run_patience: float) -> dict[BatchKey, int | None]:
    """Batches with expired reservations of imports without a sign of life, and when the last one was."""
    silent_since = now_us() - int(run_patience * MICROSECONDS)
    expired = select(orders.c.id).where(
        orders.c.id >= batches.c.first_order_id,
        orders.c.id < batches.c.first_order_id + batches.c.orders,
        orders.c.status == OrderStatus.RESERVED,
        _outlived(),
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


def _outlived() -> ColumnElement[bool]:
    return (
        select(reservations.c.order_id)
        .where(
            and_(reservations.c.order_id == orders.c.id, reservations.c.attempt == orders.c.attempt),
            reservations.c.status == ReservationStatus.HELD,
            reservations.c.expires_at <= now_us(),
        )
        .correlate(orders)
        .exists()
    )
