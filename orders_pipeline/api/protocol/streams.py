"""Streams of open pages: all show the same data, read once a second, and their number is limited."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from orders_pipeline.api.protocol.errors import Refused

LOOK_SECONDS = 1.0
MOST_STREAMS, MOST_OF_ONE_CLIENT = 300, 220
AGAIN = {"Retry-After": "30"}
# HTML by the name of its part.
Parts = dict[str, str]


class Streams:
    """The open streams of this process, and the newest parts of each subject that they show."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._newest: dict[str, tuple[float, Parts]] = {}
        # Only one stream reads at a time, so many subjects delay streams, but no other requests.
        self._reading = asyncio.Lock()

    async def newest(self, subject: str, read: Callable[[], Parts]) -> Parts:
        """The parts of a subject, at most a second old unless many others are read."""
        async with self._reading:
            read_at, parts = self._newest.get(subject, (0.0, {}))
            if not parts or time.monotonic() - read_at >= LOOK_SECONDS:
                parts = await run_in_threadpool(read)
                self._newest[subject] = time.monotonic(), parts
            return parts

    def respond(self, client: str, events: AsyncIterator[str], headers: dict[str, str]) -> StreamingResponse:
        """A stream for a client.

        Raises:
            Refused: 429, the client has too many streams; 503, all clients together have.
        """
        if self._open[client] >= MOST_OF_ONE_CLIENT:
            raise Refused(429, f"You have {MOST_OF_ONE_CLIENT} open streams. Close some of them.", AGAIN)
        if self._open.total() >= MOST_STREAMS:
            raise Refused(503, f"The console has {MOST_STREAMS} open streams. Try again later.", AGAIN)
        self._open[client] += 1
        return _Stream(events, headers, lambda: self._leave(client))

    def _leave(self, client: str) -> None:
        self._open[client] -= 1
        self._open += Counter()  # forgets clients without streams


class _Stream(StreamingResponse):
    media_type = "text/event-stream"

    def __init__(
        self, events: AsyncIterator[str], headers: dict[str, str], ended: Callable[[], None]
    ) -> None:
        super().__init__(events, 200, headers)
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()
