"""Saves outcomes of a gateway as they arrive, so that a process that dies loses few of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

SAVE_EVERY_SECONDS = 0.5
Outcome = TypeVar("Outcome")


async def save_as_they_arrive(
    outcomes: AsyncGenerator[Sequence[Outcome], None],
    save: Callable[[Sequence[Outcome]], object],
    at_once: int,
) -> None:
    """Saves the outcomes that a gateway yields, every half a second and at its end.

    Args:
        at_once: number of outcomes after which they are saved sooner.
    """
    unsaved: list[Outcome] = []
    saved_at = time.monotonic()
    try:
        async with aclosing(outcomes) as arriving:
            async for group in arriving:
                unsaved.extend(group)
                if len(unsaved) >= at_once or time.monotonic() - saved_at >= SAVE_EVERY_SECONDS:
                    # In a thread, so that open requests do not time out while the store is busy.
                    await asyncio.to_thread(save, unsaved)
                    unsaved = []
                    saved_at = time.monotonic()
    finally:
        # A gateway that breaks off has answered some requests: those outcomes are kept.
        if unsaved:
            save(unsaved)
