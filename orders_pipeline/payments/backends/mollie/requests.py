"""Requests to Mollie with Mollie's own client, and the meaning of its errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, uuid5

import httpx
from mollie import ClientSDK
from mollie.models import (
    ClientError,
    ErrorResponse,
    NoResponseError,
    ResponseValidationError,
    Security,
)

from orders_pipeline.payments.backends.providers.answers import OutcomeUnknown, Refused, retry_after
from orders_pipeline.payments.backends.providers.lists import tried
from orders_pipeline.payments.gateway import GatewayRefusedError, GatewayUnavailableError

CHECK_SECONDS = 3.0
PAGE = 250
WRONG_KEY = (401, 403)
CONFLICT, TOO_MANY, TIMED_OUT = 409, 429, 408
FOR_NOW = (TIMED_OUT, CONFLICT, TOO_MANY)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class MollieAccount:
    """How a profile of Mollie is reached.

    Attributes:
        url: URL of the API, if it is not Mollie's own.
        timeout: seconds for one request.
    """

    key: str = field(repr=False)
    url: str = ""
    timeout: float = 30.0

    @property
    def is_live(self) -> bool:
        """Whether the key moves real money."""
        return self.key.startswith("live_")

    @property
    def is_restricted(self) -> bool:
        """Whether the key has only the permissions that are needed; Mollie has no restricted keys."""
        return True

    def check(self) -> None:
        """Checks the connection and the key.

        Raises:
            GatewayUnavailableError: Mollie does not answer.
            GatewayRefusedError: Mollie refuses the key.
        """
        self._profile(min(self.timeout, CHECK_SECONDS))

    def id(self) -> str:
        """Returns the id of the profile to which the key belongs.

        Raises:
            GatewayUnavailableError: Mollie does not answer.
            GatewayRefusedError: Mollie refuses the key.
        """
        return self._profile(self.timeout)

    def _profile(self, timeout: float) -> str:
        async def ask(client: ClientSDK) -> str:
            return (await answered(client.profiles.get_current_async(), timeout)).id

        try:
            return self.run(ask)
        except (OutcomeUnknown, Refused) as error:
            raise GatewayUnavailableError(f"Mollie does not answer: {error}") from None

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[ClientSDK]:
        """Yields Mollie's client.

        It does not repeat requests itself, because Mollie may no longer have the key.
        """
        async with (
            httpx.AsyncClient(timeout=self.timeout) as http,
            ClientSDK(
                security=Security(api_key=self.key),
                server_url=self.url or None,
                async_client=http,
                retry_config=None,
            ) as client,
        ):
            yield client

    def run(self, ask: Callable[[ClientSDK], Coroutine[Any, Any, Result]]) -> Result:
        """Makes requests from synchronous code."""

        async def connect_and_ask() -> Result:
            async with self.connected() as client:
                return await ask(client)

        return asyncio.run(connect_and_ask())


async def answered(request: Coroutine[Any, Any, Result], timeout: float) -> Result:
    """Returns the response to a request.

    Args:
        timeout: seconds from connecting to the last byte of the response.

    Raises:
        Refused: this request is permanently refused.
        OutcomeUnknown: the request may have arrived, or must be sent again later.
        GatewayRefusedError: Mollie refuses all requests with this key.
    """
    try:
        async with asyncio.timeout(timeout):
            return await request
    except TimeoutError:
        raise OutcomeUnknown(f"no answer within {timeout:g} seconds") from None
    except (httpx.TransportError, NoResponseError) as error:
        raise OutcomeUnknown(type(error).__name__) from None
    except ResponseValidationError:
        raise OutcomeUnknown("the answer cannot be read") from None
    except ClientError as error:
        raise _meaning(error) from None


def _meaning(error: ClientError) -> Exception:
    status = error.status_code
    words = f"{status} {_words(error)}"
    if status in WRONG_KEY:
        return GatewayRefusedError(f"Mollie refuses the API key: {words}")
    if status in FOR_NOW or not httpx.codes.is_client_error(status):
        return OutcomeUnknown(words, retry_after(error.headers.get("retry-after")), status)
    return Refused(words, status)


def _words(error: ClientError) -> str:
    if isinstance(error, ErrorResponse):
        return error.data.detail
    try:
        return str(error.raw_response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return "no answer of Mollie"


async def pages(lists: Callable[..., Coroutine[Any, Any, Any]], timeout: float) -> AsyncIterator[Any]:
    """Yields the pages of a list, the newest entries first.

    Raises:
        OutcomeUnknown: Mollie cannot answer now.
    """
    following: Callable[[], Coroutine[Any, Any, Any]] | None = lambda: lists(limit=PAGE)  # noqa: E731
    while following is not None:
        page: Any = await tried()(_page, following, timeout)
        if page is None:
            return
        yield page.result.embedded
        following = page.next


async def _page(following: Callable[[], Coroutine[Any, Any, Any]], timeout: float) -> Any:
    return await answered(following(), timeout)


def word(value: object) -> str:
    """Returns a value of Mollie's enumerations as text; its client leaves new values as they are."""
    return str(getattr(value, "value", value))


def wire_key(key: str) -> str:
    """Returns an idempotency key in Mollie's format, a UUID."""
    return str(uuid5(NAMESPACE_URL, key))
