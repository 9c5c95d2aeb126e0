"""Customers by the month of their first order, and what they did in each later month: question `cohorts`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from orders_pipeline.api.context import ApiContext
from orders_pipeline.console import formats
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

    def cell(self, later: int, measure: Measure, currency: str) -> tuple[str, int]:
        """What they did so many months later, and how large a share of them bought then, from 0 to 5."""
        row = self.months.get(later)
        if row is None:
            return formats.NOTHING, 0
        value = row[COLUMNS[measure]]
        heat = min(HEAT, int(row["share_active"] * 2 * HEAT) + 1)
        if measure is Measure.REVENUE:
            return formats.money(value, currency), heat
        return formats.percent(value) if measure is Measure.SHARE else formats.number(value), heat


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
