"""The overview: figures of a period and the previous one, current work, and problems that need a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from orders_pipeline.api.context import ApiContext, Currency
from orders_pipeline.console.now.present import present
from orders_pipeline.console.page_data import periods
from orders_pipeline.console.page_data.charts import Chart
from orders_pipeline.console.page_data.periods import Preset, ShownPeriod
from orders_pipeline.console.rendering.rendering import Shown, url
from orders_pipeline.console.texts import texts
from orders_pipeline.figures.kpis.publisher import FiguresElsewhere
from orders_pipeline.figures.kpis.warehouse.published_parts import PartsLost
from orders_pipeline.figures.kpis.warehouse.readers_copy import last_published
from orders_pipeline.figures.leaderboards.range_boards import ProductOrder

router = APIRouter()
PLACES = 6
# Seconds to cache the figures of a period, for all open pages, until new figures are published.
KEPT_SECONDS = 30.0
REVENUE = ("net_revenue", "refunded")
OUTCOMES = ("order_count", "orders_rolled_back", "orders_failed")
CHARTED = (*REVENUE, *OUTCOMES)


@router.get("/dashboard")
def moved(request: Request) -> Response:
    """Redirects from the address of this page in release 0.1.0."""
    return RedirectResponse(url("/", **request.query_params), 301)


@router.get("/")
def overview(view: Shown, currency: Currency, period: periods.Shown) -> Response:
    """Shows the figures of a period, and the present state."""
    context, shared = view.context, view.shared
    published = last_published(context.settings.warehouse)
    name = f"overview {published} {currency} {period.first} {period.last} {period.preset} {period.step}"
    figures = shared.newest(name, lambda: figures_of(context, currency, period), KEPT_SECONDS)
    now = shared.newest(f"present {currency}", lambda: present(context, currency))
    links = [
        (getattr(texts().overview.presets, preset), url("/", period=preset, currency=currency), preset)
        for preset in Preset
    ]
    return view.page(
        "overview.html",
        "overview",
        currency=currency,
        currency_options=[(code, code) for code in figures["currencies"]],
        preset_links=[(text, link, preset is figures["period"].preset) for text, link, preset in links],
        now=now,
        **figures,
    )


def figures_of(context: ApiContext, currency: str, period: ShownPeriod) -> dict[str, Any]:
    """Returns all figures of the page; none while published files are lost or on another machine."""
    kpis = context.figures.kpis
    try:
        currencies = kpis.currencies(date.min, date.max)
        days = kpis.series(period.first, period.last, currency, CHARTED)
        if not days and period.preset is Preset.MONTH:
            period, days = _latest(context, currency, period)
        period = period.with_figures(days)
        chosen = period.first, period.last
        board = context.figures.range_boards
        return {
            "period": period,
            "currencies": sorted({*currencies, currency, context.settings.currency}),
            "has_any": bool(currencies),
            "is_old": period.last < context.today() and period.preset is Preset.MONTH,
            "figures": _with_rate(kpis.range_kpis(*chosen, currency)),
            "before": _with_rate(kpis.range_kpis(*period.before, currency)) if period.before else None,
            "charts": _charts(period, days, currency),
            "customers": board.customers(*chosen, PLACES, currency),
            "products": board.products(*chosen, PLACES, currency, ProductOrder.REVENUE),
        }
    except (PartsLost, FiguresElsewhere) as error:
        return {"period": period, "currencies": [currency], "figures": None, "trouble": str(error)}


def _latest(context: ApiContext, currency: str, period: ShownPeriod) -> tuple[ShownPeriod, list[Any]]:
    """Returns the last earlier days with orders, which are shown instead of a page of zeros."""
    kpis = context.figures.kpis
    newest = kpis.latest_days(1, currency)
    if not newest:
        return period, []
    last = date.fromisoformat(newest[-1]["date"])
    if last > period.last:
        return period, []
    period = replace(period, first=last - timedelta(days=29), last=last)
    return period, kpis.series(period.first, period.last, currency, CHARTED)


def _charts(period: ShownPeriod, days: list[Any], currency: str) -> dict[str, Chart]:
    buckets = period.buckets(days, CHARTED)

    def chart(name: str, figures: tuple[str, ...], of_currency: str) -> Chart:
        return Chart(name, buckets, figures, period.step, of_currency, partial(_days_url, currency))

    return {"revenue": chart("revenue", REVENUE, currency), "outcomes": chart("outcomes", OUTCOMES, "")}


def _days_url(currency: str, first: date, last: date) -> str:
    return url("/", start_date=first, end_date=last, currency=currency)


def _with_rate(kpis: dict[str, Any]) -> dict[str, Any]:
    failed = kpis["orders_failed"] + kpis["orders_rolled_back"]
    ended = failed + kpis["order_count"]
    return {**kpis, "failed": failed, "failure_rate": failed / ended if ended else None}
