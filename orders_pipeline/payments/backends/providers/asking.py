"""Sends requests to a provider in rounds, until all outcomes are known or a round makes no progress."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from orders_pipeline.payments.backends.providers.answers import OutcomeUnknown
from orders_pipeline.payments.gateway import GatewayRefusedError, OutcomesOpenError
from orders_pipeline.payments.lanes import Observe, answers_in_lanes, unobserved

WAITS = (0.5, 1.0, 2.0, 4.0)
# If this process is suspended for longer than this, another one may make its requests. Mollie keeps
# idempotency keys for an hour.
KEYS_ARE_KNOWN_SECONDS = 1_800
Asked = TypeVar("Asked", bound=Any)
Answer = TypeVar("Answer")
Client = TypeVar("Client")


@dataclass(slots=True)
class LookedUp(Generic[Asked, Answer]):
    """The result of looking up requests that a provider may have.

    Attributes:
        to_send: those that it does not have.
        unknown: why the outcome of some is still open.
    """

    answers: list[Answer] = field(default_factory=list)
    to_send: list[Asked] = field(default_factory=list)
    still_open: list[Asked] = field(default_factory=list)
    unknown: list[OutcomeUnknown] = field(default_factory=list)


class Asking(Protocol[Asked, Answer]):
    """How requests of one kind are looked up and made."""

    async def look_up(self, asked: Sequence[Asked], lanes: int, /) -> LookedUp[Asked, Answer]:
        """Looks up requests that the provider may have; raises OutcomeUnknown if it cannot respond now.

        Args:
            lanes: number of requests open at the same time.
        """
        ...

    async def send(self, one: Asked, /) -> Answer:
        """Sends one request; raises OutcomeUnknown if it may have arrived."""
        ...


@dataclass(slots=True)
class Rounds(Generic[Asked, Answer]):
    """Requests of one kind. A round looks up those that the provider may have, and sends the others.

    Args:
        lanes: number of requests open at the same time.
    """

    asking: Asking[Asked, Answer]
    open_error: type[OutcomesOpenError]
    lanes: int
    observe: Observe = unobserved
    waits: Sequence[float] = WAITS
    _why: str = ""
    _asks_to_wait: float = 0.0
    _looked_up_at: float = 0.0
    _is_stale: bool = False
    _refused: GatewayRefusedError | None = None

    async def outcomes(self, asked: Sequence[Asked]) -> AsyncGenerator[Sequence[Answer], None]:
        """Yields outcomes as they arrive.

        Raises:
            OutcomesOpenError: at the end, if some are unknown.
            GatewayRefusedError: at the end, if the provider refuses all requests.
        """
        to_find = [one for one in asked if one.asked_before]
        to_send = [one for one in asked if not one.asked_before]
        waits = iter(self.waits)
        wait: float | None = 0.0
        while wait is not None:
            await asyncio.sleep(max(wait, self._asks_to_wait))
            self._asks_to_wait, self._looked_up_at, self._is_stale = 0.0, time.time(), False
            found = await self._look_up(to_find)
            if found.answers:
                yield found.answers
            left = {id(one): one for one in (*to_send, *found.to_send)}
            before = len(left)
            async for group in answers_in_lanes(list(left.values()), self.lanes, self._send, self.observe):
                for one, _ in group:
                    del left[id(one)]
                yield [answer for _, answer in group]
            to_find, to_send = [*found.still_open, *left.values()], []
            if self._refused:
                raise self._refused
            if not to_find:
                return
            # A long list of requests takes several rounds, which need no wait.
            wait = 0.0 if self._is_stale and len(left) < before else next(waits, None)
        raise self.open_error(len(to_find), len(asked), self._why)

    async def _look_up(self, asked: list[Asked]) -> LookedUp[Asked, Answer]:
        if not asked:
            return LookedUp()
        try:
            found = await self.asking.look_up(asked, self.lanes)
            for unknown in found.unknown:
                self._note(unknown)
            return found
        except OutcomeUnknown as unknown:
            self._note(unknown)
        except GatewayRefusedError as refused:
            self._refused = refused
        return LookedUp(still_open=asked)

    async def _send(self, one: Asked) -> tuple[Asked, Answer] | None:
        if self._refused:
            return None
        if time.time() - self._looked_up_at > KEYS_ARE_KNOWN_SECONDS:
            self._is_stale = True
            self._note(OutcomeUnknown("too long after the look-up"))
            return None
        try:
            return one, await self.asking.send(one)
        except OutcomeUnknown as unknown:
            self._note(unknown)
        except GatewayRefusedError as refused:
            self._refused = refused
        return None

    def _note(self, unknown: OutcomeUnknown) -> None:
        self._why = str(unknown)
        self._asks_to_wait = max(self._asks_to_wait, unknown.retry_after)


async def asked_in_rounds(
    connected: AbstractAsyncContextManager[Client],
    asking_of: Callable[[Client], Asking[Asked, Answer]],
    open_error: type[OutcomesOpenError],
    asked: Sequence[Asked],
    lanes: int,
    observe: Observe = unobserved,
) -> AsyncGenerator[Sequence[Answer], None]:
    """Connects to a provider, and yields outcomes as `Rounds.outcomes` does."""
    async with connected as client:
        rounds: Rounds[Asked, Answer] = Rounds(asking_of(client), open_error, lanes, observe)
        async with aclosing(rounds.outcomes(asked)) as outcomes:
            async for group in outcomes:
                yield group


async def look_up_each(
    asked: Sequence[Asked], find: Callable[[Asked], Awaitable[Answer | None]], lanes: int
) -> LookedUp[Asked, Answer]:
    """Looks up requests one by one. If the look-up of one fails, only this one stays open.

    Args:
        find: looks up one request; returns None if the provider does not have it, and raises OutcomeUnknown
            if its outcome is not known.
        lanes: number of requests open at the same time.

    Raises:
        GatewayRefusedError: the provider refuses all requests.
    """
    looked_up: LookedUp[Asked, Answer] = LookedUp()
    refused: list[GatewayRefusedError] = []

    async def look_up(one: Asked) -> None:
        if refused:
            return
        try:
            answer = await find(one)
        except OutcomeUnknown as unknown:
            looked_up.still_open.append(one)
            looked_up.unknown.append(unknown)
        except GatewayRefusedError as error:
            refused.append(error)
        else:
            if answer is None:
                looked_up.to_send.append(one)
            else:
                looked_up.answers.append(answer)

    async for _ in answers_in_lanes(asked, lanes, look_up):
        pass
    if refused:
        raise refused[0]
    return looked_up
