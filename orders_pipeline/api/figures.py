"""KPIs: of a day, of a range, of this moment, and orders at a glance."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from orders_pipeline.api.answers import answer
from orders_pipeline.api.context import Context, Currency, Day, Period
from orders_pipeline.api.models import Answer, DailyKpis, RangeKpis, RealtimeKpis, Stats
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
    """Figures of one day; zeros where there are none."""
    return answer(request, context.figures.kpis.daily_kpis(date or context.today(), currency))


@router.get("/kpis/range", response_model=Answer[RangeKpis])
def range_(request: Request, context: Context, currency: Currency, period: Period) -> Response:
    """Figures of a range of days, both ends included; a customer counts once."""
    return answer(request, context.figures.kpis.range_kpis(*period, currency))


@router.get("/kpis/days", response_model=Answer[list[DailyKpis]])
def days(request: Request, context: Context, currency: Currency, period: Period) -> Response:
    """Figures of each day of a range that has any, in order."""
    return answer(request, context.figures.kpis.days(*period, currency))


@router.get("/kpis/realtime", response_model=Answer[RealtimeKpis])
def realtime(request: Request, context: Context, currency: Currency) -> Response:
    """Open orders, and what was settled today."""
    return answer(request, context.figures.live.figures(currency))


@router.get("/stats", response_model=Answer[Stats])
def stats(request: Request, context: Context, currency: Currency) -> Response:
    """Orders at a glance: of all time by status, and today's."""
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
