"""Roll back orders whose payment was declined: their units go back on the shelf."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, insert, literal, select

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import FailureReason, OrderStatus, PaymentStatus, ReservationStatus, Window
from orders_pipeline.lifecycle.batch import Batch, BatchKey, count_moves, get_batch, lock_batch, mark_days
from orders_pipeline.lifecycle.settling import end_orders, gather_answered, gathered, settling
from orders_pipeline.stock.units import release_units
from orders_pipeline.store.schema import failures

PAYMENT_PROCESSING, ROLLBACK = OrderStatus.PAYMENT_PROCESSING, OrderStatus.ROLLBACK


def roll_back_orders(engine: Engine, key: BatchKey, transaction_orders: int) -> Batch:
    """Rolls back each order of a batch whose payment was declined; the batch afterwards."""
    batch = get_batch(engine, key)
    if batch.counts[PAYMENT_PROCESSING]:
        for window in batch.windows(transaction_orders):
            with engine.begin() as connection:
                lock_batch(connection, key)
                _roll_back(connection, key, window)
    return get_batch(engine, key)


def _roll_back(connection: Connection, key: BatchKey, window: Window) -> None:
    rolled_back = gather_answered(connection, window, PaymentStatus.DECLINED)
    if not rolled_back:
        return
    declined = gathered(window)
    end_orders(connection, declined, ROLLBACK, ReservationStatus.RELEASED)
    release_units(connection, declined, "on_hand")
    count_moves(connection, key, {PAYMENT_PROCESSING: -rolled_back, ROLLBACK: rolled_back})
    reasons = select(
        settling.c.order_id,
        settling.c.attempt,
        literal(FailureReason.DECLINED),
        settling.c.decline_reason,
        literal(now_us()),
    )
    columns = ["order_id", "attempt", "reason", "detail", "failed_at"]
    connection.execute(insert(failures).from_select(columns, reasons))
    mark_days(connection, select(settling.c.day))
