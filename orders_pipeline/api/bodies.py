"""Request bodies: their size is limited, and a key is checked before a body is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orders_pipeline.api.callers.access import refuse_strangers
from orders_pipeline.api.protocol.errors import error_response

MEBIBYTE = 1024 * 1024


class BodyLimit:
    """Refuses bodies that are too large: at once if their length is declared, else as soon as they exceed it.

    The limit is 1 MiB.

    Args:
        larger: other limits in MiB, by the beginning of the path.
    """

    def __init__(self, app: ASGIApp, larger: Mapping[str, int] | None = None) -> None:
        self._app, self._larger = app, larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forwards a request."""
        mebibytes = self._limit(scope)
        length = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        if length.isdecimal() and int(length) > mebibytes * MEBIBYTE:
            refusal = error_response(413, _too_large(mebibytes), {"Connection": "close"})
            await refusal(scope, receive, send)
            return
        await self._app(scope, _limited(receive, mebibytes), send)

    def _limit(self, scope: Scope) -> int:
        path, changes = scope.get("path", ""), scope.get("method") != "GET"
        larger = self._larger.items() if changes else ()
        return next((limit for start, limit in larger if path.startswith(start)), 1)


def _too_large(mebibytes: int) -> str:
    return f"The body is larger than {mebibytes} MiB."


def _limited(receive: Receive, mebibytes: int) -> Receive:
    arrived = 0

    async def limited() -> Message:
        nonlocal arrived
        message = await receive()
        arrived += len(message.get("body", b""))
        if arrived > mebibytes * MEBIBYTE:
            raise HTTPException(413, _too_large(mebibytes), {"Connection": "close"})
        return message

    return limited


class _ExactRequest(Request):
    """A request whose JSON numbers are read as they are written, not as binary fractions."""

    async def json(self) -> Any:
        """The body as a value."""
        return json.loads(await self.body(), parse_float=Decimal)


class KeyBeforeBody(APIRoute):
    """A route that checks the key before it reads the body. FastAPI would read the body first."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the route."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_known(request: Request) -> Response:
            await refuse_strangers(request)
            return await handle(request)

        return handle_known


class MoneyInBody(KeyBeforeBody):
    """A route whose body has amounts."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the route."""
        handle = super().get_route_handler()

        async def handle_exact(request: Request) -> Response:
            return await handle(_ExactRequest(request.scope, request.receive))

        return handle_exact
