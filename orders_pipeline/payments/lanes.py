"""Sends requests concurrently in a bounded number of lanes and yields the answers in groups."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

GROUP = 5_000
# A callback that receives the seconds of one request.
Observe = Callable[[float], None]
Request = TypeVar("Request")
Answer = TypeVar("Answer")


def unobserved(_seconds: float) -> None:
    """Ignores the duration of a request."""


async def answers_in_lanes(
    requests: Sequence[Request],
    lanes: int,
    ask: Callable[[Request], Awaitable[Answer | None]],
    observe: Observe = unobserved,
) -> AsyncGenerator[Sequence[Answer], None]:
    """Yields answers as they arrive, with `lanes` requests open at the same time.

    Args:
        ask: makes one request; returns None for an unknown answer, which is left out.
        observe: receives the seconds of each request.
    """
    answered: asyncio.Queue[Answer | None] = asyncio.Queue()
    remaining = iter(requests)
    async with asyncio.TaskGroup() as tasks:
        open_lanes = [
            tasks.create_task(_lane(remaining, ask, observe, answered))
            for _ in range(min(lanes, len(requests)))
        ]
        left = len(requests)
        try:
            while left:
                group = await _next_group(answered)
                left -= len(group)
                if known := [answer for answer in group if answer is not None]:
                    yield known
        except GeneratorExit:
            # TaskGroup would raise GeneratorExit as an exception group to the code that closes this stream.
            for lane in open_lanes:
                lane.cancel()


async def _lane(
    requests: Iterator[Request],
    ask: Callable[[Request], Awaitable[Answer | None]],
    observe: Observe,
    answered: asyncio.Queue[Answer | None],
) -> None:
    for request in requests:
        began = time.monotonic()
        answer = await ask(request)
        observe(time.monotonic() - began)
        answered.put_nowait(answer)


async def _next_group(answered: asyncio.Queue[Answer | None]) -> list[Answer | None]:
    group = [await answered.get()]
    while not answered.empty() and len(group) < GROUP:
        group.append(answered.get_nowait())
    return group
