"""One request to the gateway, bounded in time and size as a whole."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

MOST_BYTES = 16 << 20


async def request_within(
    client: httpx.AsyncClient, seconds: float, method: str, url: str, **content: Any
) -> httpx.Response:
    """Sends a request and reads its whole answer.

    httpx limits only each single read, so a server that sends a byte now and then would hold it for ever.

    Args:
        seconds: a deadline for all of it, from connecting to the last byte.

    Raises:
        httpx.TransportError: no connection, no whole answer in time, or a body of more than `MOST_BYTES`.
            Unless it is a ConnectError or ConnectTimeout, the gateway may have taken the request.
    """
    try:
        async with asyncio.timeout(seconds), client.stream(method, url, **content) as response:
            body = await _body(response)
    except TimeoutError:
        raise httpx.ReadTimeout(f"no whole answer within {seconds:g} s") from None
    # The body is decoded already.
    headers = [(name, value) for name, value in response.headers.items() if name != "content-encoding"]
    return httpx.Response(response.status_code, headers=headers, content=body, request=response.request)


async def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            raise httpx.ReadError(f"an answer of more than {MOST_BYTES >> 20} MiB")
    return bytes(body)
