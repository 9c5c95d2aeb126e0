"""A payment gateway behind HTTP, with Stripe's semantics of idempotency keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import httpx
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from orders_pipeline.base.model import PaymentStatus, RefundStatus
from orders_pipeline.payments.backends.http.answers import (
    NotNow,
    is_outcome_of,
    page_of_answer,
)
from orders_pipeline.payments.backends.http.asking import GROWING_WAIT, TRIES, Asking
from orders_pipeline.payments.backends.http.connections import open_connections
from orders_pipeline.payments.backends.http.documents import (
    CAPTURES,
    CHARGES,
    PAGE,
    REFUNDS,
    VOIDS,
    Answer,
    Asked,
    ChargeDocument,
    ChargeEndDocument,
    Endpoint,
    Found,
    Page,
    Status,
)
from orders_pipeline.payments.gateway import (
    Authorized,
    Capture,
    CaptureOutcome,
    Charge,
    Declined,
    GatewayRefusedError,
    GatewayUnavailableError,
    JournalEntry,
    Outcome,
    Paid,
    Refund,
    RefundEntry,
    RefundOutcome,
    Void,
    VoidOutcome,
    attempts_prefix,
)
from orders_pipeline.payments.lanes import Observe, answers_in_lanes, unobserved
from orders_pipeline.services.http_requests import request_within

CONNECT_SECONDS = 5.0
ANSWERS_WITHIN_SECONDS = 3.0
# The keys of charges contain slashes: source/number/attempt.
NO_CHARGE = "no-charge-has-this-reference"
CHARGE_STATUSES = {
    Status.PENDING: PaymentStatus.PROCESSING,
    Status.SUCCEEDED: PaymentStatus.SUCCEEDED,
    Status.AUTHORIZED: PaymentStatus.AUTHORIZED,
    Status.VOIDED: PaymentStatus.VOIDED,
    Status.DECLINED: PaymentStatus.DECLINED,
    Status.FAILED: PaymentStatus.DECLINED,
}
REFUND_STATUSES = {
    Status.PENDING: RefundStatus.PROCESSING,
    Status.SUCCEEDED: RefundStatus.COMPLETED,
    Status.FAILED: RefundStatus.FAILED,
    Status.DECLINED: RefundStatus.FAILED,
    Status.VOIDED: RefundStatus.FAILED,
    Status.AUTHORIZED: RefundStatus.PROCESSING,
}


@dataclass(frozen=True, slots=True)
class HttpGateway:
    """Charges, captures, voids and refunds over HTTP.

    Attributes:
        timeout: seconds for one request, from connecting to the last byte of its response.
        known_within: seconds to keep looking up a request whose outcome is unknown.
        connections: number of requests open at the same time.
        max_in_flight: number of unfinished requests of a kind at the same time, including those that wait for
            a retry or an outcome.
        observe: called with the duration of each charge, in seconds.
    """

    url: str
    api_key: str = field(default="", repr=False)
    timeout: float = 30.0
    known_within: float = 60.0
    connections: int = 100
    max_in_flight: int = 10_000
    observe: Observe = unobserved

    def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        return self._outcomes(CHARGES, charges, self.observe)

    def capture(self, captures: Sequence[Capture]) -> AsyncGenerator[Sequence[CaptureOutcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        return self._outcomes(CAPTURES, captures, unobserved)

    def void(self, voids: Sequence[Void]) -> AsyncGenerator[Sequence[VoidOutcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        return self._outcomes(VOIDS, voids, unobserved)

    def refund(self, refunds: Sequence[Refund]) -> AsyncGenerator[Sequence[RefundOutcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        return self._outcomes(REFUNDS, refunds, unobserved)

    def answers(self) -> bool:
        """Whether the gateway responds at the moment, even if it refuses the API key."""
        try:
            self.check()
        except GatewayUnavailableError:
            return False
        except GatewayRefusedError:
            return True
        return True

    def check(self) -> None:
        """Checks the connection: looks up, once, a charge that cannot exist.

        Raises:
            GatewayUnavailableError: there is no response in time, or it does not come from a gateway.
            GatewayRefusedError: the gateway refuses the request, for example because of the API key.
        """
        self._list(CHARGES, NO_CHARGE, min(self.timeout, ANSWERS_WITHIN_SECONDS), tries=1)

    def holds(self, outcome: Outcome | RefundOutcome) -> bool:
        """Looks up the charge or refund by its reference and compares the outcome.

        The gateway does not store refused requests, so such an outcome is right if the gateway has none.
        """
        if isinstance(outcome, Paid | Authorized | Declined):
            return self._holds(CHARGES, outcome.charge, outcome)
        return self._holds(REFUNDS, outcome.refund, outcome)

    def journal(self) -> Iterator[Sequence[JournalEntry]]:
        """Yields all charges with a known outcome, page by page."""
        for page in self._pages(CHARGES, {"limit": str(PAGE)}):
            yield [_journal_entry(one) for one in page.data if one.status is not Status.PENDING]

    def refund_journal(self) -> Iterator[Sequence[RefundEntry]]:
        """Yields all refunds, page by page."""
        for page in self._pages(REFUNDS, {"limit": str(PAGE)}):
            yield [_refund_entry(one) for one in page.data]

    async def _outcomes(
        self, endpoint: Endpoint[Asked, Answer, Found], asked: Sequence[Asked], observe: Observe
    ) -> AsyncGenerator[Sequence[Answer], None]:
        number = min(self.connections, len(asked))
        async with open_connections(self.url, self._headers(), self._timeout(), number) as connections:
            asking = Asking(endpoint, connections, self.timeout, self.known_within)
            lanes: AsyncGenerator[Sequence[Answer], None] = answers_in_lanes(
                asked, self.max_in_flight, asking.outcome, observe
            )
            async with aclosing(lanes) as groups:
                async for group in groups:
                    yield group
        asking.check_all_known(len(asked))

    def _holds(self, endpoint: Endpoint[Asked, Answer, Found], asked: Asked, outcome: Answer) -> bool:
        return is_outcome_of(endpoint, asked, outcome, self._list(endpoint, attempts_prefix(asked.key)))

    def _list(
        self,
        endpoint: Endpoint[Asked, Answer, Found],
        prefix: str,
        seconds: float | None = None,
        tries: int = TRIES,
    ) -> list[Found]:
        params = {"reference_prefix": prefix, "limit": str(PAGE)}
        return [one for page in self._pages(endpoint, params, seconds, tries) for one in page.data]

    def _pages(
        self,
        endpoint: Endpoint[Asked, Answer, Found],
        params: dict[str, str] | None,
        seconds: float | None = None,
        tries: int = TRIES,
    ) -> Iterator[Page[Found]]:
        """Yields pages, from the first, over one keep-alive connection."""
        seconds = seconds or self.timeout
        timeout = httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
        client = httpx.AsyncClient(base_url=self.url, headers=self._headers(), timeout=timeout)
        with asyncio.Runner() as loop:
            try:
                while params:
                    page = loop.run(_page(client, endpoint, params, seconds, tries))
                    yield page
                    params = page.following(params)
            finally:
                loop.run(client.aclose())

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    def _timeout(self) -> httpx.Timeout:
        return httpx.Timeout(self.timeout, connect=min(CONNECT_SECONDS, self.timeout))


def _journal_entry(charge: ChargeDocument) -> JournalEntry:
    return JournalEntry(
        charge.reference,
        charge.amount,
        charge.currency,
        charge.transaction_id,
        charge.reason,
        CHARGE_STATUSES[charge.status],
    )


def _refund_entry(refund: ChargeEndDocument) -> RefundEntry:
    return RefundEntry(
        key=refund.reference,
        charge=refund.charge,
        amount=refund.amount,
        currency=refund.currency,
        status=REFUND_STATUSES[refund.status],
        transaction_id=refund.transaction_id,
        reason=refund.reason,
    )


async def _page(
    client: httpx.AsyncClient,
    endpoint: Endpoint[Asked, Answer, Found],
    params: dict[str, str],
    seconds: float,
    tries: int,
) -> Page[Found]:
    async def read() -> Page[Found]:
        response = await request_within(client, seconds, "GET", endpoint.path, params=params)
        return page_of_answer(endpoint, response)

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
