"""The page Reports: figures of a period by day, week or month, leaderboards, and downloads."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from orders_pipeline.api.context import Currency
from orders_pipeline.console.page_data import periods
from orders_pipeline.console.page_data.periods import Preset, Step
from orders_pipeline.console.rendering.rendering import Shown, url
from orders_pipeline.console.texts import texts
from orders_pipeline.figures.kpis.kpi_documents import REVENUE_PARTS
from orders_pipeline.figures.leaderboards.range_boards import ProductOrder

router = APIRouter()
PLACES = 20
KEPT_SECONDS = 5.0
FIGURES = (
    *("total_revenue", "refunded", "net_revenue"),
    *("order_count", "orders_rolled_back", "orders_failed"),
)


@router.get("/reports")
def reports(
    view: Shown,
    currency: Currency,
    period: periods.Shown,
    rank: Annotated[ProductOrder, Query()] = ProductOrder.REVENUE,
) -> Response:
    """Shows the figures of a period and its leaderboards."""
    context = view.context
    kpis, board = context.figures.kpis, context.figures.range_boards
    chosen = period.first, period.last
    name = f"reports {currency} {chosen} {period.step} {rank}"

    def read() -> dict[str, Any]:
        days = kpis.series(*chosen, currency, FIGURES)
        return {
            "buckets": period.with_figures(days).buckets(days, FIGURES),
            "sums": kpis.range_kpis(*chosen, currency),
            "customers": board.customers(*chosen, PLACES, currency),
            "products": board.products(*chosen, PLACES, currency, rank),
            "currencies": sorted({*kpis.currencies(date.min, date.max), currency}),
        }

    found = view.shared.newest(name, read, KEPT_SECONDS)
    t = texts().overview
    same: dict[str, Any] = {"start_date": period.first, "end_date": period.last, "currency": currency}
    same |= {"by": period.step, "rank": rank}
    return view.page(
        "reports.html",
        "reports",
        period=period,
        currency=currency,
        currency_options=[(code, code) for code in found["currencies"]],
        preset_links=[
            (getattr(t.presets, one), url("/reports", period=one, currency=currency), one is period.preset)
            for one in Preset
            if one is not Preset.TODAY
        ],
        step_links=[
            (getattr(t.steps, one), url("/reports", **{**same, "by": one}), one is period.step)
            for one in Step
        ],
        ranked=[
            (getattr(texts().reports.ranks, one), url("/reports", **{**same, "rank": one}), one is rank)
            for one in ProductOrder
        ],
        parts=[part for part in REVENUE_PARTS if found["sums"][part]],
        **found,
    )
