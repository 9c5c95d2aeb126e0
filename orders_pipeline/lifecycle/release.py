"""Ends orders that were not charged, whatever the reason: reserved units go back on the shelf."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, insert, literal, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import FailureReason, OrderStatus, ReservationStatus, Window
from orders_pipeline.lifecycle.batch import BatchKey, count_moves, mark_days, orders_in
from orders_pipeline.lifecycle.settling import end_orders, gather, gathered, settling
from orders_pipeline.stock.units import release_units
from orders_pipeline.store.schema import failures, orders

PENDING, RESERVED = OrderStatus.PENDING, OrderStatus.RESERVED
FAILED, ROLLBACK = OrderStatus.FAILED, OrderStatus.ROLLBACK


def roll_back_reserved(
    connection: Connection,
    batch: BatchKey,
    window: Window,
    chosen: ColumnElement[bool],
    reason: FailureReason,
    detail: str,
) -> int:
    """Rolls back the chosen among the reserved orders of a batch, locked before; how many."""
    number = gather(connection, orders_in(window, RESERVED) & chosen)
    if number:
        released = gathered(window)
        end_orders(connection, released, ROLLBACK, ReservationStatus.RELEASED)
        release_units(connection, released, "on_hand")
        count_moves(connection, batch, {RESERVED: -number, ROLLBACK: number})
        _say_why(connection, reason, detail)
    return number


def fail_pending(
    connection: Connection,
    batch: BatchKey,
    window: Window,
    chosen: ColumnElement[bool],
    reason: FailureReason,
    detail: str,
) -> int:
    """Fails the chosen among the pending orders of a batch, locked before; how many."""
    number = gather(connection, orders_in(window, PENDING) & chosen)
    if number:
        connection.execute(update(orders).where(gathered(window).has(orders.c.id)).values(status=FAILED))
        count_moves(connection, batch, {PENDING: -number, FAILED: number})
        _say_why(connection, reason, detail)
    return number


def _say_why(connection: Connection, reason: FailureReason, detail: str) -> None:
    why = select(settling.c.order_id, settling.c.attempt, literal(reason), literal(detail), literal(now_us()))
    columns = ["order_id", "attempt", "reason", "detail", "failed_at"]
    connection.execute(insert(failures).from_select(columns, why))
    mark_days(connection, select(settling.c.day))
