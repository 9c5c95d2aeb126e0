"""Requests to Stripe with Stripe's own client, and the meaning of its errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import quote

import stripe

from orders_pipeline.payments.backends.providers.answers import (
    CardDeclined,
    OutcomeUnknown,
    Refused,
    retry_after,
)
from orders_pipeline.payments.backends.providers.lists import tried
from orders_pipeline.payments.gateway import GatewayRefusedError, GatewayUnavailableError

KEY_LENGTH = 255
CHECK_SECONDS = 3.0
PAGE = 100
NOT_FOUND, CONFLICT, TOO_MANY = 404, 409, 429
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class StripeAccount:
    """How an account of Stripe is reached.

    Attributes:
        url: URL of the API, if it is not Stripe's own.
        timeout: seconds for one request.
    """

    key: str = field(repr=False)
    url: str = ""
    timeout: float = 30.0

    @property
    def is_live(self) -> bool:
        """Whether the key moves real money."""
        return "_live_" in self.key

    @property
    def is_restricted(self) -> bool:
        """Whether the key is a restricted key, with chosen permissions only."""
        return self.key.startswith("rk_")

    def check(self) -> None:
        """Checks the connection and the key.

        Raises:
            GatewayUnavailableError: Stripe does not answer.
            GatewayRefusedError: Stripe refuses the key.
        """

        async def ask(client: stripe.StripeClient) -> None:
            listed = client.v1.payment_intents.list_async({"limit": 1})
            await answered(listed, min(self.timeout, CHECK_SECONDS))

        try:
            self.run(ask)
        except (OutcomeUnknown, Refused) as error:
            raise GatewayUnavailableError(f"Stripe does not answer: {error}") from None

    def id(self) -> str:
        """Returns the id of the account; empty if the key may not read it.

        Raises:
            GatewayUnavailableError: Stripe does not answer.
        """

        async def ask(client: stripe.StripeClient) -> str:
            account = await answered(client.v1.accounts.retrieve_current_async(), self.timeout)
            return str(account.id)

        try:
            return self.run(ask)
        except (Refused, GatewayRefusedError):
            return ""
        except OutcomeUnknown as error:
            if error.status == NOT_FOUND:  # a stand-in without accounts
                return ""
            raise GatewayUnavailableError(f"Stripe does not answer: {error}") from None

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[stripe.StripeClient]:
        """Yields Stripe's client.

        It does not repeat requests itself, because Stripe may no longer have the key.
        """
        http = stripe.HTTPXClient(timeout=self.timeout)
        addresses: Any = {"api": self.url} if self.url else None
        client = stripe.StripeClient(
            self.key, base_addresses=addresses, http_client=http, max_network_retries=0
        )
        try:
            yield client
        finally:
            await http.close_async()  # type: ignore[no-untyped-call]

    def run(self, ask: Callable[[stripe.StripeClient], Coroutine[Any, Any, Result]]) -> Result:
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
        CardDeclined: the payment was declined.
        Refused: this request is permanently refused.
        OutcomeUnknown: the request may have arrived, or must be sent again later.
        GatewayRefusedError: Stripe refuses all requests with this key.
    """
    try:
        async with asyncio.timeout(timeout):
            return await request
    except TimeoutError:
        raise OutcomeUnknown(f"no answer within {timeout:g} seconds") from None
    except stripe.CardError as error:
        raise CardDeclined(_decline_code(error)) from None
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise GatewayRefusedError(f"Stripe refuses the API key: {_words(error)}") from None
    except stripe.InvalidRequestError as error:
        if error.http_status in (CONFLICT, TOO_MANY):
            raise OutcomeUnknown(_words(error), _retry_after(error)) from None
        raise Refused(_words(error)) from None
    except stripe.StripeError as error:
        # Broken connections, 409, 429, 5xx, lock timeouts, and responses that are not JSON.
        raise OutcomeUnknown(_words(error), _retry_after(error), error.http_status) from None


async def pages(
    lists: Callable[[Any], Coroutine[Any, Any, Any]], timeout: float, **filters: Any
) -> AsyncIterator[list[Any]]:
    """Yields the pages of a list.

    Raises:
        OutcomeUnknown: Stripe cannot answer now.
    """
    after: dict[str, Any] = {}
    while True:
        page: Any = await tried()(_page, lists, {"limit": PAGE, **filters, **after}, timeout)
        yield page.data
        if not page.has_more or not page.data:
            return
        after = {"starting_after": page.data[-1].id}


async def _page(
    lists: Callable[[Any], Coroutine[Any, Any, Any]], params: dict[str, Any], timeout: float
) -> Any:
    return await answered(lists(params), timeout)


def wire_key(key: str) -> str:
    """Returns a key in Stripe's format: ASCII, at most 255 characters."""
    quoted = quote(key, safe="/")
    return quoted if len(quoted) <= KEY_LENGTH else sha256(key.encode()).hexdigest()


def _decline_code(error: stripe.CardError) -> str:
    details: Any = error.error
    decline = getattr(details, "decline_code", None) if details else None
    return str(decline or error.code or "card_declined")


def _words(error: stripe.StripeError) -> str:
    code = f"{error.code}: " if error.code else ""
    status = f"{error.http_status} " if error.http_status else ""
    return f"{status}{code}{_message(error)}"


def _message(error: stripe.StripeError) -> str:
    if isinstance(error, stripe.APIConnectionError):
        # The client's own message asks the reader to write to Stripe's support.
        cause = error.__cause__
        return f"the connection to Stripe failed ({str(cause or '') or type(cause or error).__name__})"
    return (error.user_message or type(error).__name__).partition("\n")[0]


def _retry_after(error: stripe.StripeError) -> float:
    headers = error.headers or {}
    return retry_after(headers.get("Retry-After") or headers.get("retry-after"))
