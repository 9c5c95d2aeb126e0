"""A payment gateway behind HTTP, with Stripe's semantics of idempotency keys."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

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


@dataclass(frozen=True, slots=True)
class HttpGateway:
    """Charges over HTTP.

    Attributes:
        timeout: seconds that one request may wait for its answer.
        known_within: seconds for which one charge of unknown outcome is asked for.
        connections: requests that are open at the same time.
        max_in_flight: charges open at the same time, those that wait for a try or an outcome included.
        observe: is told the seconds that each charge took.
    """

    url: str
    api_key: str = field(default="", repr=False)
    timeout: float = 30.0
    known_within: float = 60.0
    connections: int = 100
    max_in_flight: int = 10_000
    observe: Observe = unobserved

    async def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        """Outcomes as they come; one that stays unknown is left out and told of at the end."""
        number = min(self.connections, len(charges))
        async with open_connections(self.url, self._headers(), self._timeout(), number) as connections:
            charging = Charging(connections, self.known_within)
            lanes = answers_in_lanes(charges, self.max_in_flight, charging.outcome, self.observe)
            async with aclosing(lanes) as groups:
                async for group in groups:
                    yield group
        charging.check_all_known(len(charges))

    def answers(self) -> bool:
        """Whether it takes requests at the moment; a gateway that refuses the key does."""
        try:
            with httpx.Client(headers=self._headers(), timeout=ANSWERS_WITHIN_SECONDS) as client:
                return client.get(f"{self.url}{CHARGES}", params={"limit": "1"}).status_code < 500
        except httpx.TransportError:
            return False

    def check(self) -> None:
        """Asks once for a charge that cannot exist.

        Raises:
            GatewayUnavailableError: it does not answer in time, or not as a gateway does.
            ChargeRefusedError: it refuses the request, such as for its API key.
        """
        with self._client(ANSWERS_WITHIN_SECONDS) as client:
            _get(client, {"idempotency_key": NO_CHARGE}, tries=1)

    def holds(self, outcome: Outcome) -> bool:
        """Asks the gateway for the charge by its key."""
        with self._client() as client:
            page = _get(client, {"idempotency_key": wire_key(outcome.charge.key)})
        try:
            return bool(page.data) and outcome_of(outcome.charge, page.data[0]) == outcome
        except ChargeRefusedError:
            return False

    def journal(self) -> Iterator[Sequence[JournalEntry]]:
        """All charges with a known outcome, a page at a time."""
        more, last = True, ""
        with self._client() as client:
            while more:
                page = _get(client, {"limit": str(PAGE)} | ({"starting_after": last} if last else {}))
                yield [journal_entry(one) for one in page.data if one.status is not ChargeStatus.PENDING]
                more = page.has_more and bool(page.data)
                last = page.data[-1].id if page.data else last

    def _client(self, timeout: float | None = None) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=self._headers(), timeout=timeout or self._timeout())

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    def _timeout(self) -> httpx.Timeout:
        return httpx.Timeout(self.timeout, connect=min(CONNECT_SECONDS, self.timeout))


def _get(client: httpx.Client, params: dict[str, str], tries: int = TRIES) -> ChargePage:
    asking = Retrying(
        stop=stop_after_attempt(tries),
        wait=GROWING_WAIT,
        retry=retry_if_exception_type((httpx.TransportError, NotNow)),
        reraise=True,
    )
    try:
        return asking(lambda: page_of_answer(client.get(CHARGES, params=params)))
    except (httpx.TransportError, NotNow) as error:
        raise GatewayUnavailableError(
            f"the payment gateway at {client.base_url} does not answer: {error}"
        ) from error
