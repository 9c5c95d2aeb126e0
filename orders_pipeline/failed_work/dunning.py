"""Dunning: payments that were declined for a passing reason are tried again on a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Engine, and_, or_, select

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import FailureReason
from orders_pipeline.failed_work.chosen import HAVE_FAILED, WITH_LAST_FAILURE
from orders_pipeline.failed_work.retry import retry_orders
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import failures, orders

ACTOR = "dunning"
# A payment that has been due for longer, for example after a long stop of the pipeline, is left to people.
OVERDUE = timedelta(days=7)
HOUR_US, MICROSECOND = 3_600_000_000, timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class DueAgain:
    """Orders whose payment is due for another attempt, as a selection for `retry_orders`.

    Attributes:
        hours: from the first, second, ... decline to the next attempt. With three of them, an order has at
            most four attempts, including those requested by people.
        reasons: the gateway's reasons that may pass by themselves.
        now: in microseconds.
    """

    hours: Sequence[float]
    reasons: Sequence[str]
    now: int
    key: ClassVar[None] = None

    def to_retry(self) -> ColumnElement[bool]:
        """The selection as a condition over `orders`."""
        soft = and_(failures.c.reason == FailureReason.DECLINED, failures.c.detail.in_(self.reasons))
        due = or_(*(self._due_after(attempt, hours) for attempt, hours in enumerate(self.hours, start=1)))
        declined = select(failures.c.order_id).where(WITH_LAST_FAILURE, soft, due).correlate(orders)
        return and_(HAVE_FAILED, declined.exists())

    def selection(self) -> dict[str, Any]:
        """What was selected, for the audit trail."""
        return {"dunning": list(self.hours)}

    def _due_after(self, attempt: int, hours: float) -> ColumnElement[bool]:
        latest = self.now - int(hours * HOUR_US)
        since = latest - OVERDUE // MICROSECOND
        return and_(failures.c.attempt == attempt, failures.c.failed_at.between(since, latest))


def due_again(hours: Sequence[float], reasons: Sequence[str]) -> DueAgain:
    """Returns the orders whose payment is due for another attempt now."""
    return DueAgain(hours, reasons, now_us())


def any_due(engine: Engine, due: DueAgain) -> bool:
    """Whether an order's payment is due for another attempt."""
    if not due.hours:
        return False
    with reading(engine) as connection:
        return connection.execute(select(orders.c.id).where(due.to_retry()).limit(1)).first() is not None


def retry_due(engine: Engine, due: DueAgain, transaction_orders: int) -> int:
    """Begins the next attempt of these orders; the watchdog launches their imports. Returns how many."""
    if not due.hours:
        return 0
    return sum(retry_orders(engine, due, transaction_orders, ACTOR).values())
