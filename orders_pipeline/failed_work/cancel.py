"""Cancels orders that are not charged yet."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.model import FailureReason, OrderStatus
from orders_pipeline.failed_work.chosen import WITH_LAST_FAILURE, Chosen, batches_of, preview
from orders_pipeline.lifecycle.batch import batch_work, get_batch
from orders_pipeline.lifecycle.order_lifecycle import fail, release
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import failures, orders, sources

CANCELLED = FailureReason.CANCELLED
WHY_NOT = {
    OrderStatus.PAYMENT_PROCESSING: "it is being charged",
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


def cancel_orders(engine: Engine, chosen: Chosen, because: str, transaction_orders: int, actor: str) -> int:
    """Cancels each chosen order that is not charged yet; returns how many.

    Args:
        actor: who asked for it, as in the audit trail.
    """
    cancelled = 0
    condition = chosen.to_cancel()
    groups = preview(engine, condition)
    if groups:
        with engine.begin() as connection:
            told = {"found": sum(group.orders for group in groups), "because": because}
            record_action(connection, actor, "orders.cancel", chosen.key or "", chosen=chosen.told(), **told)
    for key in batches_of(groups):
        for window in get_batch(engine, key).windows(transaction_orders):
            with engine.begin() as connection, batch_work(connection, key, window) as work:
                cancelled += fail(work, condition, CANCELLED, because)
                cancelled += release(work, condition, CANCELLED, because)
    return cancelled


def not_cancelled(engine: Engine, chosen: Chosen) -> list[NotCancelled]:
    """The chosen orders that can no longer be cancelled, sorted by source and number."""
    query = (
        select(orders.c.number, sources.c.name, orders.c.status, failures.c.reason)
        .join(sources, sources.c.id == orders.c.source_id)
        .outerjoin(failures, WITH_LAST_FAILURE)
        .where(chosen.condition(), orders.c.status.in_(WHY_NOT))
        .order_by(sources.c.name, orders.c.number)
    )
    with reading(engine) as connection:
        return [
            NotCancelled(
                number, source, WHY_NOT[OrderStatus(status)], FailureReason(reason) if reason else None
            )
            for number, source, status, reason in connection.execute(query)
        ]
