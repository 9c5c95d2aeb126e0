"""KPIs of a day, a range of days and the present, and a summary of orders."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from orders_pipeline.api.context import Context, Currency, Day, Period
from orders_pipeline.api.models.responses import Answer, DailyKpis, RangeKpis, RealtimeKpis, Stats
from orders_pipeline.api.protocol.answers import answer
from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.base.model import PROCESSING, UNSOLD, OrderStatus

router = APIRouter(tags=["figures"])


@router.get("/kpis/daily", response_model=Answer[DailyKpis])
def daily(
    request: Request,
    context: Context,
    currency: Currency,
    date: Annotated[Day | None, Query(description="Today if not given.", examples=["2025-11-10"])] = None,
) -> Response:
    """KPIs of one day; zeros for a day without orders."""
    return answer(request, context.figures.kpis.daily_kpis(date or context.today(), currency))


@router.get("/kpis/range", response_model=Answer[RangeKpis])
def range_(request: Request, context: Context, currency: Currency, period: Period) -> Response:
    """KPIs of a range of days, both ends included. Each customer counts once."""
    return answer(request, context.figures.kpis.range_kpis(*period, currency))


@router.get("/kpis/days", response_model=Answer[list[DailyKpis]])
def days(request: Request, context: Context, currency: Currency, period: Period) -> Response:
    """KPIs of each day of a range, in order, without days that have no figures."""
    return answer(request, context.figures.kpis.days(*period, currency))


@router.get("/kpis/realtime", response_model=Answer[RealtimeKpis])
def realtime(request: Request, context: Context, currency: Currency) -> Response:
    """Open orders, and orders settled today."""
    return answer(request, context.figures.live.figures(currency))


@router.get("/stats", response_model=Answer[Stats])
def stats(request: Request, context: Context, currency: Currency) -> Response:
    """Number of orders by status: of all time, and of today."""
    counts = context.figures.totals.by_status(currency)
    live = context.figures.live.figures(currency)
    return answer(
        request,
        {
            "orders": {
                "total": sum(counts.values()),
                "pending": counts[OrderStatus.PENDING],
                "processing": sum(counts[status] for status in PROCESSING),
                "completed": counts[OrderStatus.COMPLETED],
                "failed": sum(counts[status] for status in UNSOLD),
            },
            "today": {
                "orders": live["completed_today"] + live["failed_today"],
                "completed": live["completed_today"],
                "revenue": live["revenue_today"],
            },
            "timestamp": to_datetime(now_us()).isoformat(),
        },
    )
