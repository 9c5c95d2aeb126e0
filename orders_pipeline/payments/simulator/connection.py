"""Breaks the connection of a request. ASGI has no message for this."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LINGER_NONE = struct.pack("ii", 1, 0)


class BreakableConnection(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with the transport in the state of each request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Adds the transport to the state of the connection's requests."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class NoAnswer(Response):
    """Sends nothing, because the connection is closed."""

    async def __call__(self, _scope: Scope, receive: Receive, _send: Send) -> None:
        """Waits until uvicorn notices the closed connection; otherwise it would send an error."""
        await _disconnected(receive)


def trickled(answer: Response, seconds: float) -> Response:
    """Makes a response that sends one byte at a time, with a pause after each."""

    async def bytes_in_time() -> AsyncIterator[bytes]:
        for byte in bytes(answer.body):
            yield bytes([byte])
            await asyncio.sleep(seconds)

    headers = dict(answer.headers)
    return StreamingResponse(bytes_in_time(), answer.status_code, headers)


async def keep_waiting(request: Request, seconds: float) -> None:
    """Sends nothing for some seconds, or until the client disconnects."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await _disconnected(request.receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def hang_up(request: Request) -> Response:
    """Resets the connection (RST), as a crashed or overloaded server does; the client gets no response."""
    transport: asyncio.Transport = request.state.transport
    if not transport.is_closing():
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        transport.abort()
    return NoAnswer()
