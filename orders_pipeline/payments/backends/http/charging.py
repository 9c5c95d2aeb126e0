"""Charges over HTTP: sends each charge and looks it up by its key until the outcome is known."""

from __future__ import annotations

from typing import Any

import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)
from tenacity.stop import stop_base

from orders_pipeline.payments.backends.http.answers import (
    CHARGES,
    NotNow,
    outcome_of,
    outcome_of_answer,
    page_of_answer,
    wire_key,
)
from orders_pipeline.payments.backends.http.connections import Connections
from orders_pipeline.payments.backends.http.requests import request_within
from orders_pipeline.payments.gateway import Charge, ChargeRefusedError, ChargesOpenError, Outcome

TRIES = 3
# Exponential backoff with full jitter: a random wait up to a limit that doubles from 0.25 to 5 seconds.
GROWING_WAIT = wait_random_exponential(multiplier=0.25, max=5)


class OutcomeUnknown(Exception):
    """The charge was sent, but its outcome is not known yet."""

    def __init__(self, cause: NotNow | None = None) -> None:
        super().__init__("pending" if cause is None else str(cause))
        self.retry_after = cause.retry_after if cause else None


class _LeftAlone(Exception):
    """No more requests are sent to this gateway."""


class Charging:
    """Makes charges and collects unknown outcomes and refusals, which `check_all_known` reports at the end.

    It stops sending requests if the gateway refuses the API key, or if every connection failed three times:
    the remaining charges would fail in the same way.
    """

    def __init__(self, connections: Connections, timeout: float, known_within: float) -> None:
        self._connections = connections
        self._timeout = timeout
        self._known_within = known_within
        self._key_refused = False
        self._unreached = 0
        self._open = 0
        self._why_open = ""
        self._refused: list[ChargeRefusedError] = []

    async def outcome(self, charge: Charge) -> Outcome | None:
        """Returns the outcome of a charge; None if it stays unknown or the gateway refused the request."""
        try:
            return await self._trying(stop_after_attempt(TRIES), NotNow)(self._send, charge)
        except (NotNow, OutcomeUnknown, _LeftAlone) as reason:
            self._open += 1
            self._why_open = str(reason) or self._why_open
        except ChargeRefusedError as refused:
            self._refused.append(refused)
        return None

    def check_all_known(self, charges: int) -> None:
        """Checks, after the last charge, that every outcome is known.

        Raises:
            ChargeRefusedError: the gateway refused requests; this is the first refusal.
            ChargesOpenError: some outcomes are unknown.
        """
        if self._refused:
            raise self._refused[0]
        if self._open:
            raise ChargesOpenError(self._open, charges, self._why_open)

    async def _send(self, charge: Charge) -> Outcome | None:
        outcome = await self._post(charge)
        if outcome is None:
            asking = self._trying(stop_after_delay(self._known_within), OutcomeUnknown)
            outcome = await asking(self._ask, charge)
        return outcome

    async def _post(self, charge: Charge) -> Outcome | None:
        body = {"amount": charge.amount, "currency": charge.currency, "reference": charge.key}
        headers = {"Idempotency-Key": wire_key(charge.key)}
        try:
            response = await self._request("POST", json=body, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotNow(f"no connection: {error}") from None
        except httpx.TransportError:
            return None
        try:
            return outcome_of_answer(charge, response)
        except ChargeRefusedError:
            self._key_refused |= response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
            raise

    async def _ask(self, charge: Charge) -> Outcome | None:
        try:
            response = await self._request("GET", params={"idempotency_key": wire_key(charge.key)})
            found = page_of_answer(response).data
        except httpx.TransportError as error:
            raise OutcomeUnknown(NotNow(str(error))) from None
        except NotNow as later:
            raise OutcomeUnknown(later) from None
        if not found:
            raise NotNow("the gateway has no such charge")
        if (outcome := outcome_of(charge, found[0])) is None:
            raise OutcomeUnknown
        return outcome

    async def _request(self, method: str, **content: Any) -> httpx.Response:
        async with self._connections.free() as connection:
            if self._key_refused or self._unreached >= TRIES * self._connections.number:
                raise _LeftAlone
            try:
                response = await request_within(connection, self._timeout, method, CHARGES, **content)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                self._unreached += 1
                raise
            self._unreached = 0
            return response

    def _trying(self, stop: stop_base, on: type[Exception]) -> AsyncRetrying:
        return AsyncRetrying(
            stop=stop | _AskedToWaitLongerThan(self._known_within),
            wait=lambda state: _asked_wait(state) + GROWING_WAIT(state),
            retry=retry_if_exception_type(on),
            reraise=True,
        )


class _AskedToWaitLongerThan(stop_base):
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, state: RetryCallState) -> bool:
        return _asked_wait(state) > self._seconds


def _asked_wait(state: RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome else None
    asked = failure.retry_after if isinstance(failure, NotNow | OutcomeUnknown) else None
    return asked or 0.0
