"""The page Cohorts: customers by the month of their first order, and how many of them bought again."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from orders_pipeline.api.context import Currency
from orders_pipeline.console.page_data.cohorts import Measure, cohorts
from orders_pipeline.console.rendering.rendering import Shown, url
from orders_pipeline.console.texts import texts
from orders_pipeline.figures.kpis.warehouse.readers_copy import last_published
from orders_pipeline.figures.questions.questions import NoFigures

router = APIRouter()
PAGE = "/reports/cohorts"
# Seconds to cache the answer, which stays the same until new figures are published.
KEPT_SECONDS = 3600.0


class Span(StrEnum):
    """The number of months shown, both of cohorts and after the first order."""

    YEAR = "12"
    TWO_YEARS = "24"
    ALL = "all"


@router.get(PAGE)
def show_cohorts(
    view: Shown,
    currency: Currency,
    measure: Annotated[Measure, Query()] = Measure.SHARE,
    months: Annotated[Span, Query()] = Span.YEAR,
) -> Response:
    """Shows the cohorts, newest first."""
    found = _found(view, currency)
    most = len(found) if months is Span.ALL else int(months)
    same: dict[str, Any] = {"currency": currency, "measure": measure, "months": months}
    t = texts().cohorts
    return view.page(
        "cohorts.html",
        "reports",
        currency=currency,
        currency_options=[(code, code) for code in _currencies(view, currency)],
        measure=measure,
        cohorts=found[:most],
        later=range(1, max((max(one.months) for one in found[:most]), default=0) + 1)[: most - 1],
        last_day=_last_day,
        measures=[
            (getattr(t.measures, one), url(PAGE, **{**same, "measure": one}), one is measure)
            for one in Measure
        ],
        spans=[
            (getattr(t.spans, one.name), url(PAGE, **{**same, "months": one}), one is months) for one in Span
        ],
    )


def _found(view: Shown, currency: str) -> list[Any]:
    published = last_published(view.context.settings.warehouse)
    name = f"cohorts {published} {currency}"
    try:
        return view.shared.newest(name, lambda: cohorts(view.context, currency), KEPT_SECONDS)
    except NoFigures:
        return []


def _currencies(view: Shown, currency: str) -> list[str]:
    return sorted({*view.context.figures.kpis.currencies(date.min, date.max), currency})


def _last_day(month: date) -> date:
    return month.replace(day=monthrange(month.year, month.month)[1])
