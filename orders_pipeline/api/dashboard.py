"""The dashboard: one page, its files, and the stream of server-sent events that keeps it live."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from redis.exceptions import RedisError
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.staticfiles import StaticFiles

from orders_pipeline.api.access import goes_on
from orders_pipeline.api.context import ApiContext, Context, Currency
from orders_pipeline.api.files import import_document
from orders_pipeline.api.headers import PAGE_POLICY
from orders_pipeline.api.rate_limit import address_of
from orders_pipeline.api.streams import LOOK_SECONDS
from orders_pipeline.figures.kpis.kpi_documents import Document
from orders_pipeline.figures.kpis.published_parts import PartsLost
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.imports.import_row import list_imports
from orders_pipeline.imports.intake import current_pause, pause_document
from orders_pipeline.monitoring.alert_rows import alert_document, open_alerts
from orders_pipeline.refunds.listing import refunds_to_attend
from orders_pipeline.store.engine import STORE_FAILED, reading

STATIC = Path(__file__).parent / "static"
DAYS_SHOWN, PLACES_SHOWN, FILES_SHOWN = 60, 10, 8
HEADERS = {"Content-Security-Policy": PAGE_POLICY}
router = APIRouter(tags=["dashboard"])
log = logging.getLogger(__name__)


def add_dashboard(app: FastAPI) -> None:
    """Serves the page at `/dashboard` and its files under `/static`."""
    app.add_api_route("/dashboard", _page, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC))


async def _page() -> Response:
    return FileResponse(STATIC / "dashboard.html", headers=HEADERS)


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"description": "Data of the dashboard.", "content": {"text/event-stream": {}}}},
)
async def events(request: Request, context: Context, currency: Currency) -> Response:
    """Data of the dashboard, as server-sent events: one immediately, and one after each change."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    changes = _changes(request, context, currency)
    return context.streams.respond(address_of(request), changes, headers)


async def _changes(request: Request, context: ApiContext, currency: str) -> AsyncIterator[str]:
    sent = None
    while await goes_on(request):
        event = await context.streams.newest(currency, partial(_event, context, currency))
        # A comment keeps proxies from closing an idle stream, and detects that the reader has gone.
        yield event if event != sent else ": still here\n\n"
        sent = event
        await asyncio.sleep(LOOK_SECONDS)


def _event(context: ApiContext, currency: str) -> str:
    try:
        return f"event: figures\ndata: {json.dumps(snapshot(context, currency))}\n\n"
    except (*STORE_FAILED, RedisError) as error:
        log.error("the figures of the dashboard failed: %s", error)
        return 'event: trouble\ndata: {"message": "The order store does not answer."}\n\n'


def snapshot(context: ApiContext, currency: str) -> dict[str, Any]:
    """All data of the dashboard. `queue` is empty while the broker is down."""
    figures = context.figures
    with reading(context.engine) as connection:
        alerts = [alert_document(alert) for alert in open_alerts(connection)]
        files = [import_document(connection, found) for found in list_imports(connection, FILES_SHOWN)]
        intake = pause_document(current_pause(connection))
        refunds = refunds_to_attend(connection, context.today(), currency)
    return {
        "currency": currency,
        "today": str(context.today()),
        "live": figures.live.figures(currency),
        "days": _days(context, currency),
        "customers": figures.boards.top(Board.CUSTOMERS, PLACES_SHOWN, currency),
        "products": figures.boards.top(Board.PRODUCTS, PLACES_SHOWN, currency),
        "files": files,
        "alerts": alerts,
        "intake": intake,
        "queue": _queue(context),
        "refunds": refunds,
    }


def _days(context: ApiContext, currency: str) -> list[Document]:
    try:
        return context.figures.kpis.latest_days(DAYS_SHOWN, currency)
    except PartsLost:
        # An alert tells of it; the rest of the page does not depend on published files.
        return []


def _queue(context: ApiContext) -> dict[str, int]:
    try:
        return context.queue_sizes()
    except ConnectionError:
        return {}
