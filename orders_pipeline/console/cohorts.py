"""Customers by the month of their first order, and what they did in each later month: question `cohorts`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from orders_pipeline.api.context import ApiContext
from orders_pipeline.figures.questions.questions import answer, questions

HEAT = 5


class Measure(StrEnum):
    """What a cell of the table shows."""

    SHARE = "share"
    CUSTOMERS = "customers"
    REVENUE = "revenue"


COLUMNS = {
    Measure.SHARE: "share_active",
    Measure.CUSTOMERS: "active_customers",
    Measure.REVENUE: "revenue",
}


@dataclass(frozen=True, slots=True)
class Cohort:
    """The customers whose first order was in a month.

    Attributes:
        months: by how many months later, the row of the answer with what they did then.
    """

    month: date
    customers: int
    months: dict[int, dict[str, Any]] = field(default_factory=dict)

    def value(self, later: int, measure: Measure) -> int | Decimal | None:
        """What they did so many months later; None if nobody bought then."""
        row = self.months.get(later)
        return row[COLUMNS[measure]] if row else None

    def heat(self, later: int) -> int:
        """How large a share of them bought then, from 0 to 5."""
        row = self.months.get(later)
        return min(HEAT, int(row["share_active"] * 2 * HEAT) + 1) if row else 0


def cohorts(context: ApiContext, currency: str) -> list[Cohort]:
    """All cohorts, the newest first.

    Raises:
        NoFigures: nothing was published.
    """
    found = answer(context.settings.warehouse, questions()["cohorts"], currency)
    made: dict[date, Cohort] = {}
    for values in found.rows:
        row = dict(zip(found.columns, values, strict=True))
        cohort = made.setdefault(row["cohort"], Cohort(row["cohort"], row["customers"]))
        cohort.months[row["months_later"]] = row
    return list(reversed(made.values()))
