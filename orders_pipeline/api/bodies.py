"""Request bodies: their size is limited, and a key is checked before a body is read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orders_pipeline.api.access import refuse_strangers
from orders_pipeline.api.errors import error_response

MEBIBYTE = 1024 * 1024
TOO_LARGE = "The body is larger than 1 MiB."


class BodyLimit:
    """Refuses bodies of more than 1 MiB: at once if their length is named, else as soon as they exceed it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forwards a request."""
        length = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        if length.isdecimal() and int(length) > MEBIBYTE:
            await error_response(413, TOO_LARGE, {"Connection": "close"})(scope, receive, send)
            return
        await self._app(scope, _limited(receive), send)


def _limited(receive: Receive) -> Receive:
    arrived = 0

    async def limited() -> Message:
        nonlocal arrived
        message = await receive()
        arrived += len(message.get("body", b""))
        if arrived > MEBIBYTE:
            raise HTTPException(413, TOO_LARGE, {"Connection": "close"})
        return message

    return limited


class KeyBeforeBody(APIRoute):
    """A route that takes a body from holders of a key only. FastAPI alone would read the body first."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the route."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_known(request: Request) -> Response:
            await refuse_strangers(request)
            return await handle(request)

        return handle_known
