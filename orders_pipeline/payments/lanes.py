"""Sends charges concurrently in a bounded number of lanes and yields the outcomes in groups."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence

from orders_pipeline.payments.gateway import Charge, Outcome

GROUP = 5_000
# A callback that receives the seconds of one charge.
Observe = Callable[[float], None]


def unobserved(_seconds: float) -> None:
    """Ignores the duration of a charge."""


async def answers_in_lanes(
    charges: Sequence[Charge],
    lanes: int,
    ask: Callable[[Charge], Awaitable[Outcome | None]],
    observe: Observe = unobserved,
) -> AsyncGenerator[Sequence[Outcome], None]:
    """Yields outcomes as they arrive, with `lanes` charges open at the same time.

    Args:
        ask: charges once; returns None for an unknown outcome, which is left out.
        observe: receives the seconds of each charge.
    """
    answered: asyncio.Queue[Outcome | None] = asyncio.Queue()
    remaining = iter(charges)
    async with asyncio.TaskGroup() as tasks:
        open_lanes = [
            tasks.create_task(_lane(remaining, ask, observe, answered))
            for _ in range(min(lanes, len(charges)))
        ]
        left = len(charges)
        try:
            while left:
                group = await _next_group(answered)
                left -= len(group)
                if known := [outcome for outcome in group if outcome is not None]:
                    yield known
        except GeneratorExit:
            # TaskGroup would raise GeneratorExit as an exception group to the code that closes this stream.
            for lane in open_lanes:
                lane.cancel()


async def _lane(
    charges: Iterator[Charge],
    ask: Callable[[Charge], Awaitable[Outcome | None]],
    observe: Observe,
    answered: asyncio.Queue[Outcome | None],
) -> None:
    for charge in charges:
        began = time.monotonic()
        outcome = await ask(charge)
        observe(time.monotonic() - began)
        answered.put_nowait(outcome)


async def _next_group(answered: asyncio.Queue[Outcome | None]) -> list[Outcome | None]:
    group = [await answered.get()]
    while not answered.empty() and len(group) < GROUP:
        group.append(answered.get_nowait())
    return group
