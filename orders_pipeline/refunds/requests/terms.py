"""The rules for the refunds of a home: which need a second person, and on which day a refund counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.clock import to_datetime
from orders_pipeline.base.settings import Settings
from orders_pipeline.store.schema import refunds


@dataclass(frozen=True, slots=True)
class RefundTerms:
    """The rules for the refunds of a home.

    Attributes:
        zone: time zone of the KPI days.
        limit: in major units; a larger refund needs another operator's approval. None: there is no limit.
    """

    zone: ZoneInfo
    limit: Decimal | None = None

    @classmethod
    def of(cls, settings: Settings) -> RefundTerms:
        """Returns the rules of a home."""
        return cls(settings.zone, settings.refund_limit)

    def is_above_limit(self, amount: int, currency: str) -> bool:
        """Whether an amount in minor units needs an approval."""
        return self.limit is not None and amount > self.limit.scaleb(minor_digits(currency))

    def day_of(self, at: int) -> date:
        """Returns the KPI day of a time in microseconds since 1970."""
        return to_datetime(at).astimezone(self.zone).date()


def awaits_approval() -> ColumnElement[bool]:
    """Condition on the table `refunds`: another operator must approve it first."""
    return and_(refunds.c.needs_approval, refunds.c.approved_by.is_(None))
