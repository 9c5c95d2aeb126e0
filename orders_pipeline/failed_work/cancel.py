"""Cancels orders that are not charged yet. An authorized order is voided at the gateway before it ends."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.model import EndKind, FailureReason, OrderStatus
from orders_pipeline.captures.request import Wanted, request_voids
from orders_pipeline.failed_work.chosen import WITH_LAST_FAILURE, Chosen, batches_of, preview
from orders_pipeline.lifecycle.batch import batch_work, get_batch
from orders_pipeline.lifecycle.order_lifecycle import fail, release
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import authorizations, failures, orders, sources
from orders_pipeline.store.statements.order_sets import of_current_attempt

CANCELLED = FailureReason.CANCELLED
WHY_NOT = {
    OrderStatus.PAYMENT_PROCESSING: "it is being charged",
    OrderStatus.AUTHORIZED: "it is being captured",
    OrderStatus.COMPLETED: "it was charged and completed",
    OrderStatus.ROLLBACK: "it was rolled back already",
    OrderStatus.FAILED: "it has failed already",
}


@dataclass(frozen=True, slots=True)
class NotCancelled:
    """A named order that cannot be cancelled, and why."""

    order_id: str
    source: str
    reason: str
    failed_for: FailureReason | None

    @property
    def was_cancelled(self) -> bool:
        """Whether the order is cancelled already."""
        return self.failed_for is CANCELLED


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The numbers of cancelled orders.

    Attributes:
        voids: those among them that end once the gateway has released their money; None if there are none.
    """

    orders: int
    voids: Wanted | None


def cancel_orders(
    engine: Engine, chosen: Chosen, because: str, transaction_orders: int, actor: str
) -> Cancelled:
    """Cancels each chosen order that is not charged yet, and asks for the void of authorized ones.

    Args:
        actor: who requested it, as in the audit trail.
    """
    cancelled = 0
    condition = chosen.to_cancel()
    groups = preview(engine, condition)
    if groups:
        with engine.begin() as connection:
            details = {"found": sum(group.orders for group in groups), "because": because}
            record_action(
                connection, actor, "orders.cancel", chosen.key or "", chosen=chosen.selection(), **details
            )
    for key in batches_of(groups):
        for window in get_batch(engine, key).windows(transaction_orders):
            with engine.begin() as connection, batch_work(connection, key, window) as work:
                cancelled += fail(work, condition, CANCELLED, because)
                cancelled += release(work, condition, CANCELLED, because)
    if not any(group.status is OrderStatus.AUTHORIZED for group in groups):
        return Cancelled(cancelled, None)
    with engine.begin() as connection:
        voids = request_voids(connection, chosen.condition(), because, actor)
    return Cancelled(cancelled + voids.orders, voids)


def not_cancelled(engine: Engine, chosen: Chosen) -> list[NotCancelled]:
    """The chosen orders that can no longer be cancelled, sorted by source and number."""
    query = (
        select(orders.c.number, sources.c.name, orders.c.status, failures.c.reason, authorizations.c.wanted)
        .join(sources, sources.c.id == orders.c.source_id)
        .outerjoin(failures, WITH_LAST_FAILURE)
        .outerjoin(authorizations, of_current_attempt(authorizations))
        .where(chosen.condition(), orders.c.status.in_(WHY_NOT), ~chosen.to_cancel())
        .order_by(sources.c.name, orders.c.number)
    )
    with reading(engine) as connection:
        return [
            NotCancelled(number, source, WHY_NOT[OrderStatus(status)], _failed_for(reason, wanted))
            for number, source, status, reason, wanted in connection.execute(query)
        ]


def _failed_for(reason: str | None, wanted: str | None) -> FailureReason | None:
    if reason:
        return FailureReason(reason)
    return CANCELLED if wanted == EndKind.VOID else None
