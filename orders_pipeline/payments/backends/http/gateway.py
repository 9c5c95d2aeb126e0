"""A payment gateway behind HTTP, with Stripe's semantics of idempotency keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field

import httpx
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from orders_pipeline.payments.backends.http.answers import (
    CHARGES,
    ChargePage,
    ChargeStatus,
    NotNow,
    journal_entry,
    outcome_of,
    page_of_answer,
    wire_key,
)
from orders_pipeline.payments.backends.http.charging import GROWING_WAIT, TRIES, Charging
from orders_pipeline.payments.backends.http.connections import open_connections
from orders_pipeline.payments.backends.http.requests import request_within
from orders_pipeline.payments.gateway import (
    Charge,
    ChargeRefusedError,
    GatewayUnavailableError,
    JournalEntry,
    Outcome,
)
from orders_pipeline.payments.lanes import Observe, answers_in_lanes, unobserved

CONNECT_SECONDS = 5.0
ANSWERS_WITHIN_SECONDS = 3.0
PAGE = 1_000
# The keys of charges have slashes: source/number/attempt.
NO_CHARGE = "no-charge-has-this-key"
ReadPage = Callable[[dict[str, str]], ChargePage]


@dataclass(frozen=True, slots=True)
class HttpGateway:
    """Charges over HTTP.

    Attributes:
        timeout: seconds for one request, from connecting to the last byte of its response.
        known_within: seconds to keep looking up a charge whose outcome is unknown.
        connections: requests open at the same time.
        max_in_flight: charges open at the same time, including those that wait for a retry or an outcome.
        observe: receives the seconds of each charge.
    """

    url: str
    api_key: str = field(default="", repr=False)
    timeout: float = 30.0
    known_within: float = 60.0
    connections: int = 100
    max_in_flight: int = 10_000
    observe: Observe = unobserved

    async def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown or refused."""
        number = min(self.connections, len(charges))
        async with open_connections(self.url, self._headers(), self._timeout(), number) as connections:
            charging = Charging(connections, self.timeout, self.known_within)
            lanes = answers_in_lanes(charges, self.max_in_flight, charging.outcome, self.observe)
            async with aclosing(lanes) as groups:
                async for group in groups:
                    yield group
        charging.check_all_known(len(charges))

    def answers(self) -> bool:
        """Whether the gateway accepts requests at the moment, even if it refuses the API key."""
        try:
            self.check()
        except GatewayUnavailableError:
            return False
        except ChargeRefusedError:
            return True
        return True

    def check(self) -> None:
        """Checks the connection: looks up, once, a charge that cannot exist.

        Raises:
            GatewayUnavailableError: there is no response in time, or it does not come from a gateway.
            ChargeRefusedError: the gateway refuses the request, for example because of the API key.
        """
        with self._pages(min(self.timeout, ANSWERS_WITHIN_SECONDS), tries=1) as page_of:
            page_of({"idempotency_key": NO_CHARGE})

    def holds(self, outcome: Outcome) -> bool:
        """Looks up the charge by its key and compares the outcome."""
        with self._pages() as page_of:
            page = page_of({"idempotency_key": wire_key(outcome.charge.key)})
        try:
            return bool(page.data) and outcome_of(outcome.charge, page.data[0]) == outcome
        except ChargeRefusedError:
            return False

    def journal(self) -> Iterator[Sequence[JournalEntry]]:
        """Yields all charges with a known outcome, page by page."""
        more, last = True, ""
        with self._pages() as page_of:
            while more:
                page = page_of({"limit": str(PAGE)} | ({"starting_after": last} if last else {}))
                yield [journal_entry(one) for one in page.data if one.status is not ChargeStatus.PENDING]
                more = page.has_more and bool(page.data)
                last = page.data[-1].id if page.data else last

    @contextmanager
    def _pages(self, seconds: float | None = None, tries: int = TRIES) -> Iterator[ReadPage]:
        """Yields a function that reads a page of charges over one keep-alive connection."""
        seconds = seconds or self.timeout
        timeout = httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
        client = httpx.AsyncClient(base_url=self.url, headers=self._headers(), timeout=timeout)
        with asyncio.Runner() as loop:
            try:
                yield lambda params: loop.run(_page(client, params, seconds, tries))
            finally:
                loop.run(client.aclose())

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    def _timeout(self) -> httpx.Timeout:
        return httpx.Timeout(self.timeout, connect=min(CONNECT_SECONDS, self.timeout))


async def _page(client: httpx.AsyncClient, params: dict[str, str], seconds: float, tries: int) -> ChargePage:
    async def read() -> ChargePage:
        return page_of_answer(await request_within(client, seconds, "GET", CHARGES, params=params))

    asking = AsyncRetrying(
        stop=stop_after_attempt(tries),
        wait=GROWING_WAIT,
        retry=retry_if_exception_type((httpx.TransportError, NotNow)),
        reraise=True,
    )
    try:
        return await asking(read)
    except (httpx.TransportError, NotNow) as error:
        raise GatewayUnavailableError(
            f"the payment gateway at {client.base_url} does not answer: {error}"
        ) from error
