"""Sends requests for money over HTTP, and looks each one up until its outcome is known."""

from __future__ import annotations

import time
from typing import Any, Generic

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
    NotNow,
    OutcomeUnknown,
    outcome_of_answer,
    outcome_of_attempts,
    page_of_answer,
)
from orders_pipeline.payments.backends.http.connections import Connections
from orders_pipeline.payments.backends.http.documents import (
    PAGE,
    Answer,
    Asked,
    Endpoint,
    Found,
    wire_key,
)
from orders_pipeline.payments.gateway import GatewayRefusedError, attempts_prefix
from orders_pipeline.services.http_requests import request_within

TRIES = 3
# If this process is suspended for longer than this, another one may make its charges. Gateways keep
# idempotency keys for a day.
KEYS_ARE_KNOWN_SECONDS = 3_600
# Exponential backoff with full jitter: a random wait up to a limit that doubles from 0.25 to 5 seconds.
GROWING_WAIT = wait_random_exponential(multiplier=0.25, max=5)


class _LeftAlone(Exception):
    """Raised when no more requests may be sent to this gateway."""


class Asking(Generic[Asked, Answer, Found]):
    """Sends requests to one endpoint, and collects unknown outcomes for `check_all_known`.

    It stops if the gateway refuses all requests, or if every connection failed three times, because the
    remaining requests would fail too.
    """

    def __init__(
        self,
        endpoint: Endpoint[Asked, Answer, Found],
        connections: Connections,
        timeout: float,
        known_within: float,
    ) -> None:
        self._endpoint: Endpoint[Asked, Answer, Found] = endpoint
        self._connections = connections
        self._timeout = timeout
        self._known_within = known_within
        self._began = time.time()
        self._unreached = 0
        self._open = 0
        self._why_open = ""
        self._refused: GatewayRefusedError | None = None

    async def outcome(self, asked: Asked) -> Answer | None:
        """Returns the outcome of a request; None if it is unknown or the gateway refuses all requests."""
        try:
            return await self._trying(stop_after_attempt(TRIES), NotNow)(self._ask, asked)
        except (NotNow, OutcomeUnknown, _LeftAlone) as reason:
            self._open += 1
            self._why_open = str(reason) or self._why_open
        except GatewayRefusedError as refused:
            self._refused = self._refused or refused
        return None

    def check_all_known(self, asked: int) -> None:
        """Checks, after the last request, that every outcome is known.

        Raises:
            GatewayRefusedError: the gateway refused all requests; this is the first refusal.
            OutcomesOpenError: some outcomes are unknown.
        """
        if self._refused:
            raise self._refused
        if self._open:
            raise self._endpoint.open_error(self._open, asked, self._why_open)

    async def _ask(self, asked: Asked) -> Answer | None:
        asked_before = asked.asked_before or time.time() - self._began > KEYS_ARE_KNOWN_SECONDS
        answer = await self._find(asked) if asked_before else None
        if answer is None:
            answer = await self._send(asked)
        if answer is None:
            answer = await self._find(asked)
        if answer is None:
            raise NotNow("the gateway has no such request")
        return answer

    async def _send(self, asked: Asked) -> Answer | None:
        headers = {"Idempotency-Key": wire_key(asked.key)}
        content = self._endpoint.body(asked) | self._endpoint.options(asked)
        try:
            response = await self._request("POST", json=content, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotNow(f"no connection: {error}") from None
        except httpx.TransportError:
            return None
        return outcome_of_answer(self._endpoint, asked, response)

    async def _find(self, asked: Asked) -> Answer | None:
        """Returns the outcome of a request that may have arrived; None if the gateway does not have it."""
        return await self._trying(stop_after_delay(self._known_within), OutcomeUnknown)(self._look_up, asked)

    async def _look_up(self, asked: Asked) -> Answer | None:
        params: dict[str, str] | None
        params = {"reference_prefix": attempts_prefix(asked.key), "limit": str(PAGE)}
        listed: list[Found] = []
        while params:
            try:
                page = page_of_answer(self._endpoint, await self._request("GET", params=params))
            except httpx.TransportError as error:
                raise OutcomeUnknown(NotNow(str(error))) from None
            except NotNow as later:
                raise OutcomeUnknown(later) from None
            listed += page.data
            params = page.following(params)
        return outcome_of_attempts(self._endpoint, asked, listed)

    async def _request(self, method: str, **content: Any) -> httpx.Response:
        async with self._connections.free() as connection:
            if self._refused or self._unreached >= TRIES * self._connections.number:
                raise _LeftAlone
            try:
                response = await request_within(
                    connection, self._timeout, method, self._endpoint.path, **content
                )
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
