"""A bounded number of kept connections to the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1)


class Connections:
    """Each of these clients has one connection, the one used last being used first.

    One client with a pool of 100 connections polls all of them for each request, which makes it several
    times slower.
    """

    def __init__(self, clients: list[httpx.AsyncClient]) -> None:
        self.number = len(clients)
        self._idle: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for client in clients:
            self._idle.put_nowait(client)

    @asynccontextmanager
    async def free(self) -> AsyncIterator[httpx.AsyncClient]:
        """A connection for one request, as soon as one is free."""
        client = await self._idle.get()
        try:
            yield client
        finally:
            self._idle.put_nowait(client)


@asynccontextmanager
async def open_connections(
    url: str, headers: dict[str, str], timeout: httpx.Timeout, number: int
) -> AsyncIterator[Connections]:
    """Up to `number` connections to a URL, made when first needed."""
    certificates = httpx.create_ssl_context()
    async with AsyncExitStack() as stack:
        clients = [
            httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout, limits=ONE, verify=certificates)
            for _ in range(number)
        ]
        for client in clients:
            await stack.enter_async_context(client)
        yield Connections(clients)
