"""Refuses requests under a name that is not this server's, so that no other site's page reaches it."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from orders_pipeline.api.protocol.errors import error_response
from orders_pipeline.base.host_names import is_known_host, unknown_host


class KnownHosts:
    """Answers to `localhost`, to IP addresses and to these names."""

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app, self._names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forwards a request."""
        host = Headers(scope=scope).get("host", "") if scope["type"] == "http" else "localhost"
        if is_known_host(host, self._names):
            await self._app(scope, receive, send)
        else:
            await error_response(421, unknown_host(host))(scope, receive, send)
