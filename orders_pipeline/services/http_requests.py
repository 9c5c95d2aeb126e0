"""Sends a single request with a limit on its total time and size."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

MOST_BYTES = 16 << 20


async def request_within(
    client: httpx.AsyncClient,
    seconds: float,
    method: str,
    url: str | httpx.URL,
    *,
    most_bytes: int = MOST_BYTES,
    **content: Any,
) -> httpx.Response:
    """Sends a request and reads the complete response.

    httpx limits only each single read, so a server that sends a byte now and then would block it forever.

    Args:
        seconds: limit for the whole request, from connecting to the last byte.

    Raises:
        httpx.TransportError: there is no connection, no complete response in time, or a body of more than
            `most_bytes`. After any error but ConnectError and ConnectTimeout, the server may have accepted
            the request.
    """
    try:
        async with asyncio.timeout(seconds), client.stream(method, url, **content) as response:
            body = await _body(response, most_bytes)
    except TimeoutError:
        raise httpx.ReadTimeout(f"no complete response within {seconds:g} s") from None
    # httpx has already decoded the body.
    headers = [(name, value) for name, value in response.headers.items() if name != "content-encoding"]
    return httpx.Response(response.status_code, headers=headers, content=body, request=response.request)


async def _body(response: httpx.Response, most_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > most_bytes:
            raise httpx.ReadError(f"the response is larger than {most_bytes:,} bytes")
    return bytes(body)
