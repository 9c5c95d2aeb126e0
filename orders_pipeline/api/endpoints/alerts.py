"""Open alerts, and alerts that ended in the last hours."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from orders_pipeline.api.context import Context
from orders_pipeline.api.models.responses import Alert, Answer
from orders_pipeline.api.protocol.answers import answer
from orders_pipeline.base.clock import duration_us, now_us
from orders_pipeline.monitoring.alerts.alert_rows import alert_document, alerts_since, open_alerts
from orders_pipeline.store.engine import reading

router = APIRouter(tags=["health"])
YEAR = 24 * 366


@router.get("/alerts", response_model=Answer[list[Alert]])
def alerts(
    request: Request,
    context: Context,
    hours: Annotated[
        int, Query(ge=0, le=YEAR, description="Also include alerts that ended in this many last hours.")
    ] = 0,
) -> Response:
    """Open alerts, the oldest first."""
    with reading(context.engine) as connection:
        since = now_us() - duration_us(timedelta(hours=hours))
        found = alerts_since(connection, since) if hours else open_alerts(connection)
    return answer(request, [alert_document(alert) for alert in found])
