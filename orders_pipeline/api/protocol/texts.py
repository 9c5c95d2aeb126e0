"""Refuses NUL in paths and queries, which neither PostgreSQL nor file names can contain."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from orders_pipeline.api.protocol.errors import error_response

NUL_FOUND = "The address contains the character NUL. Remove it."


class NoNul:
    """Answers 422 to a request with NUL in its path or query. Bodies are checked by their models."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forwards a request."""
        if scope["type"] == "http" and _has_nul(scope):
            await error_response(422, NUL_FOUND)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _has_nul(scope: Scope) -> bool:
    return "\0" in scope["path"] or b"\0" in unquote_to_bytes(scope["query_string"])
