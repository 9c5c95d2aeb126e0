"""Customers by the month of their first order, and their purchases in later months (question `cohorts`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from orders_pipeline.api.context import ApiContext
from orders_pipeline.base.text.numbers import number
from orders_pipeline.console import formats
from orders_pipeline.figures.questions.questions import answer, questions

HEAT = 5


class Measure(StrEnum):
    """The figure that the cells of the table show."""

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
        months: the row of the answer for each later month, by the number of months since the first order.
    """

    month: date
    customers: int
    months: dict[int, dict[str, Any]] = field(default_factory=dict)

    def cell(self, later: int, measure: Measure, currency: str) -> tuple[str, int]:
        """Returns the figure for a later month, and the share of buyers in it as a level from 0 to 5."""
        row = self.months.get(later)
        if row is None:
            return formats.NOTHING, 0
        value = row[COLUMNS[measure]]
        heat = min(HEAT, int(row["share_active"] * 2 * HEAT) + 1)
        if measure is Measure.REVENUE:
            return formats.money(value, currency), heat
        return formats.percent(value) if measure is Measure.SHARE else number(value), heat


def cohorts(context: ApiContext, currency: str) -> list[Cohort]:
    """Returns all cohorts, newest first.

    Raises:
        NoFigures: no figures were published yet.
    """
    found = answer(context.settings.warehouse, questions()["cohorts"], currency)
    made: dict[date, Cohort] = {}
    for values in found.rows:
        row = dict(zip(found.columns, values, strict=True))
        cohort = made.setdefault(row["cohort"], Cohort(row["cohort"], row["customers"]))
        cohort.months[row["months_later"]] = row
    return list(reversed(made.values()))
