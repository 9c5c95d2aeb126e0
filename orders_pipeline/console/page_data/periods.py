"""The period that a page shows, from its URL, and the previous period for comparison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, Query

from orders_pipeline.api.context import Context, Days

ONE_DAY = timedelta(days=1)
# The most bars in a chart; more would be too thin to see and to click.
MOST_DAYS, MOST_WEEKS = 92, 366 * 2


class Preset(StrEnum):
    """A period that ends today."""

    TODAY = "today"
    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"
    YEAR = "12m"
    ALL = "all"


class Step(StrEnum):
    """The time that one bar of a chart covers."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def first_day(self, day: date) -> date:
        """Returns the first day of the step that contains a day. Weeks start on Monday."""
        if self is Step.WEEK:
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self is Step.MONTH else day

    def after(self, first: date) -> date:
        """Returns the first day of the next step."""
        if self is Step.MONTH:
            return (first.replace(day=28) + timedelta(days=4)).replace(day=1)
        return first + timedelta(days=7 if self is Step.WEEK else 1)


DAYS_OF = {Preset.TODAY: 1, Preset.WEEK: 7, Preset.MONTH: 30, Preset.QUARTER: 90, Preset.YEAR: 365}


@dataclass(frozen=True, slots=True)
class ShownPeriod:
    """The first and last day, both included, and the step of charts.

    Without a preset, a person chose the days.
    """

    first: date
    last: date
    preset: Preset | None
    step: Step

    @property
    def before(self) -> tuple[date, date] | None:
        """The previous period of the same length; None for the period of all days, or before the year 1."""
        length = self.last - self.first + ONE_DAY
        if self.preset is Preset.ALL or self.first - date.min < length:
            return None
        return self.first - length, self.first - ONE_DAY

    def with_figures(self, days: Sequence[dict[str, Any]]) -> ShownPeriod:
        """Limits the period of all days to the days from the first one with figures; keeps other periods."""
        if self.preset is not Preset.ALL or not days:
            return self
        return replace(self, first=date.fromisoformat(days[0]["date"]))

    def buckets(self, days: Iterable[dict[str, Any]], names: Iterable[str]) -> list[dict[str, Any]]:
        """Returns sums of figures for every step of the period; `days` are documents with a `date`."""
        sums: dict[date, dict[str, Any]] = {}
        wanted = tuple(names)
        first = self.step.first_day(self.first)
        while first <= self.last:
            following = self.step.after(first)
            bounds = {"first": max(first, self.first), "last": min(following - ONE_DAY, self.last)}
            sums[first] = {**bounds, **dict.fromkeys(wanted, 0)}
            first = following
        for document in days:
            bucket = sums[self.step.first_day(date.fromisoformat(document["date"]))]
            for name in wanted:
                bucket[name] += document[name]
        return list(sums.values())


def _shown_period(
    context: Context,
    days: Days,
    period: Annotated[Preset | None, Query()] = None,
    by: Annotated[Step | None, Query()] = None,
) -> ShownPeriod:
    today = context.today()
    first, last = days
    if period is None and (first or last):
        bounds = context.settings.first_day, today + timedelta(days=DAYS_OF[Preset.YEAR])
        chosen = _within(bounds, first or last or today), _within(bounds, last or first or today)
    else:
        period = period or Preset.MONTH
        earliest = context.settings.first_day if period is Preset.ALL else None
        chosen = earliest or today - timedelta(days=DAYS_OF.get(period, 1) - 1), today
    return ShownPeriod(*chosen, period, by or _step_for((chosen[1] - chosen[0]).days))


def _within(bounds: tuple[date, date], day: date) -> date:
    """Limits a day of an address to the days that can have figures."""
    return min(max(day, bounds[0]), bounds[1])


def _step_for(length: int) -> Step:
    if length <= MOST_DAYS:
        return Step.DAY
    return Step.WEEK if length <= MOST_WEEKS else Step.MONTH


Shown = Annotated[ShownPeriod, Depends(_shown_period)]
