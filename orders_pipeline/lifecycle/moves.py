"""The moves that an order can make from one status to another, and the one function that makes them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from orders_pipeline.base.model import SETTLED, EventType, OrderStatus
from orders_pipeline.events.recording import record_moves
from orders_pipeline.lifecycle.batch import BatchWork
from orders_pipeline.store.result_changes import note_changed_import
from orders_pipeline.store.schema import orders as orders_table
from orders_pipeline.store.statements.order_sets import OrderSet

MOVES: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PENDING: frozenset({OrderStatus.RESERVED, OrderStatus.FAILED}),
    OrderStatus.RESERVED: frozenset({OrderStatus.PAYMENT_PROCESSING, OrderStatus.ROLLBACK}),
    OrderStatus.PAYMENT_PROCESSING: frozenset(
        {OrderStatus.AUTHORIZED, OrderStatus.COMPLETED, OrderStatus.ROLLBACK}
    ),
    OrderStatus.AUTHORIZED: frozenset({OrderStatus.COMPLETED, OrderStatus.ROLLBACK}),
    OrderStatus.COMPLETED: frozenset(),
    OrderStatus.ROLLBACK: frozenset({OrderStatus.PENDING}),
    OrderStatus.FAILED: frozenset({OrderStatus.PENDING}),
}

# The event that a move to each of these statuses records for other systems.
EVENTS: dict[OrderStatus, EventType] = {
    OrderStatus.AUTHORIZED: EventType.ORDER_AUTHORIZED,
    OrderStatus.COMPLETED: EventType.ORDER_COMPLETED,
    OrderStatus.ROLLBACK: EventType.ORDER_ROLLED_BACK,
    OrderStatus.FAILED: EventType.ORDER_FAILED,
}


class ForbiddenMoveError(ValueError):
    """The table of moves does not contain this move."""


def move(work: BatchWork, orders: OrderSet, source: OrderStatus, target: OrderStatus) -> int:
    """Moves those of the orders that have the status `source` to `target`; returns how many there were.

    The counts of the batch move with them. KPI days become due where orders are settled or opened again. An
    order that becomes pending again begins a new attempt. Events are recorded for the statuses of `EVENTS`.

    Raises:
        ForbiddenMoveError: `MOVES` has no such move.
    """
    if target not in MOVES[source]:
        raise ForbiddenMoveError(f"no order moves from {source} to {target}")
    if source in SETTLED or target in SETTLED:
        work.days_are_due(orders.days)
    if target in EVENTS:
        record_moves(work.connection, orders.that(orders_table.c.status == source), EVENTS[target])
    moved = work.connection.execute(
        update(orders_table)
        .where(orders.here, orders_table.c.status == source)
        .values(status=target, **_new_attempt(target))
    ).rowcount
    if moved:
        work.count(**{source: -moved, target: moved})
        if source is OrderStatus.AUTHORIZED:
            # The import has already finished, so its results change.
            note_changed_import(work.connection, work.batch.key.import_id)
    return moved


def _new_attempt(target: OrderStatus) -> dict[str, Any]:
    return {"attempt": orders_table.c.attempt + 1} if target is OrderStatus.PENDING else {}
