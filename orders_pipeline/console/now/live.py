"""The event stream that updates parts of open pages. A part is rendered once and sent to all open pages."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request
from jinja2 import Environment
from redis.exceptions import RedisError
from starlette.responses import Response

from orders_pipeline.api.callers.access import goes_on
from orders_pipeline.api.callers.rate_limit import address_of
from orders_pipeline.api.context import ApiContext, Context, Currency
from orders_pipeline.api.endpoints.orders import Words
from orders_pipeline.api.protocol.streams import LOOK_SECONDS, Parts
from orders_pipeline.console.now.file_work import file_at_work, files_at_work
from orders_pipeline.console.now.header import header_of
from orders_pipeline.console.now.present import present
from orders_pipeline.console.now.shared import SharedState
from orders_pipeline.figures.kpis.warehouse.readers_copy import last_published
from orders_pipeline.imports.arrival.quarantine import count_open
from orders_pipeline.imports.import_row import count_imports
from orders_pipeline.store.engine import STORE_FAILED, reading

router = APIRouter()
log = logging.getLogger(__name__)
STREAM = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.get("/live")
async def live(
    request: Request,
    context: Context,
    currency: Currency,
    overview: Annotated[bool, Query()] = False,
    files: Annotated[bool, Query()] = False,
    file: Words = None,
) -> Response:
    """Sends the changing parts of a page as server-sent events: first all parts, then each changed one."""
    shared: SharedState = request.app.state.shared
    templates: Environment = request.app.state.environment

    def read() -> Parts:
        if overview:
            return _overview_parts(shared, context, templates, currency)
        if file:
            return _file_parts(context, templates, file)
        return _files_parts(shared, context, templates) if files else {}

    def parts() -> Parts:
        return {**_header_part(shared, context, templates), **_readable(read)}

    page = f"overview {currency}" if overview else f"file {file}" if file else "files" if files else ""
    changes = _changes(request, context, page, parts)
    return context.streams.respond(address_of(request), changes, STREAM)


async def _changes(
    request: Request, context: ApiContext, page: str, read: Callable[[], Parts]
) -> AsyncIterator[str]:
    sent: Parts = {}
    while await goes_on(request):
        parts = await context.streams.newest(page, read)
        changed = {part: html for part, html in parts.items() if sent.get(part) != html}
        # A comment keeps proxies from closing an idle stream, and detects that the page was closed.
        yield "".join(_event(*item) for item in changed.items()) or ": still here\n\n"
        sent.update(changed)
        await asyncio.sleep(LOOK_SECONDS)


def _header_part(shared: SharedState, context: ApiContext, templates: Environment) -> Parts:
    header = header_of(shared, context)
    return {"header": templates.get_template("header_state.html").render(header=header)}


def _readable(read: Callable[[], Parts]) -> Parts:
    try:
        return read()
    except (*STORE_FAILED, RedisError) as error:
        # The header shows that the store is down.
        log.error("The present state cannot be read: %s", error)
        return {}


def _overview_parts(shared: SharedState, context: ApiContext, templates: Environment, currency: str) -> Parts:
    now = shared.newest(f"present {currency}", lambda: present(context, currency))
    parts = ("now", "attention", "files")
    rendered = {part: templates.get_template(f"overview_{part}.html").render(now=now) for part in parts}
    # This part is not visible. When it changes, the page reads its figures again.
    return {**rendered, "published": str(last_published(context.settings.warehouse))}


def _files_parts(shared: SharedState, context: ApiContext, templates: Environment) -> Parts:
    running = shared.newest("files at work", lambda: files_at_work(context))
    with reading(context.engine) as connection:
        counts = count_imports(connection)
        in_quarantine = count_open(connection)
    html = templates.get_template("files_now.html").render(running=running)
    # When a file changes its state, the page reads its list again.
    return {"files_now": html, "published": f"{sorted(counts.items())} {in_quarantine}"}


def _file_parts(context: ApiContext, templates: Environment, key: str) -> Parts:
    one = file_at_work(context, key)
    if one is None:
        return {}
    html = templates.get_template("file_now.html").render(one=one)
    # While orders settle, the page reads its outcomes again.
    return {"file_now": html, "published": f"{one['status']} {one['progress']}"}


def _event(name: str, part: str) -> str:
    return f"event: part\ndata: {json.dumps({'name': name, 'html': part})}\n\n"
