"""A bounded number of keep-alive connections to the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1)


class Connections:
    """HTTP clients with one connection each; the most recently used one is used first.

    A single client with a pool of 100 connections polls all of them for each request and is several times
    slower.
    """

    def __init__(self, clients: list[httpx.AsyncClient]) -> None:
        self.number = len(clients)
        self._idle: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for client in clients:
            self._idle.put_nowait(client)

    @asynccontextmanager
    async def free(self) -> AsyncIterator[httpx.AsyncClient]:
        """Waits for a free connection and yields it for one request."""
        client = await self._idle.get()
        try:
            yield client
        finally:
            self._idle.put_nowait(client)


@asynccontextmanager
async def open_connections(
    url: str, headers: dict[str, str], timeout: httpx.Timeout, number: int
) -> AsyncIterator[Connections]:
    """Yields up to `number` connections to a URL, each opened when it is first needed."""
    certificates = httpx.create_ssl_context()
    async with AsyncExitStack() as stack:
        clients = [
            httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout, limits=ONE, verify=certificates)
            for _ in range(number)
        ]
        for client in clients:
            await stack.enter_async_context(client)
        yield Connections(clients)
