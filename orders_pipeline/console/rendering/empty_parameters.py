"""Removes empty query parameters of pages, because a filter bar sends all its fields, even empty ones."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Receive, Scope, Send

from orders_pipeline.api.callers.own_site import PROGRAMS


class EmptyParameters:
    """Removes empty query parameters of pages, but not those of API requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forwards a request."""
        is_page = scope["type"] == "http" and not scope["path"].startswith(PROGRAMS)
        if is_page and b"=&" in scope["query_string"] + b"&":
            given = parse_qsl(scope["query_string"].decode("latin-1"))
            scope = {**scope, "query_string": urlencode(given).encode("latin-1")}
        await self._app(scope, receive, send)
