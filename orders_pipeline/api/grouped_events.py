"""Events of the gateway: those that arrive together are stored together, and carried out together later.

A commit costs as much for a hundred events as for one. The gateway gets its answer as soon as an event is
stored. If this process dies before the event is carried out, `open_refunds_sensor` carries it out.
"""

from __future__ import annotations

import logging
from asyncio import Future, Task, create_task, get_running_loop, sleep
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from anyio.to_thread import run_sync

from orders_pipeline.base.model import GatewayEventStatus
from orders_pipeline.refunds.gateway_events.event_effects import Verdict
from orders_pipeline.refunds.gateway_events.gateway_events import SentEvent

MOST_TOGETHER = 1_000
PAUSE_SECONDS = 0.2
Thing = TypeVar("Thing")
Sent = tuple[SentEvent, Future[Verdict]]
log = logging.getLogger(__name__)


class Groups(Generic[Thing]):
    """Passes things on in groups: all that arrived while the previous group was being passed on."""

    def __init__(self, pass_on: Callable[[Sequence[Thing]], Awaitable[None]]) -> None:
        self._pass_on = pass_on
        self._waiting: list[Thing] = []
        self._task: Task[None] | None = None

    def add(self, *things: Thing) -> None:
        """Adds things to the next group."""
        self._waiting += things
        if self._waiting and self._task is None:
            self._task = create_task(self._work())

    async def close(self) -> None:
        """Returns once all are passed on."""
        while self._task:
            await self._task

    async def _work(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
                await self._pass_on(group)
        finally:
            self._task = None


class GroupedEvents:
    """Takes events, each with a request that waits for it.

    Args:
        store: stores events; returns what is known of each, by its id.
        carry_out: carries out stored events about these subjects.
    """

    def __init__(
        self,
        store: Callable[[Sequence[SentEvent]], Mapping[str, Verdict]],
        carry_out: Callable[[Sequence[str]], object],
    ) -> None:
        self._store, self._carry_out = store, carry_out
        self._arrived = Groups[Sent](self._store_group)
        self._stored = Groups[str](self._carry_out_group)

    async def receive(self, event: SentEvent) -> Verdict:
        """Returns what is known of the event, once it is stored. Raises the error of its group."""
        future: Future[Verdict] = get_running_loop().create_future()
        self._arrived.add((event, future))
        return await future

    async def close(self) -> None:
        """Returns once all events that arrived are stored and carried out."""
        await self._arrived.close()
        await self._stored.close()

    async def _store_group(self, group: Sequence[Sent]) -> None:
        # If a client has disconnected, its future is already done.
        try:
            known = await run_sync(self._store, [event for event, _ in group])
        except Exception as error:  # noqa: BLE001 each request of the group answers with it
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        for event, future in group:
            if not future.done():
                future.set_result(known[event.id])
        self._stored.add(*(event.subject for event, _ in group if _waits(known[event.id])))

    async def _carry_out_group(self, subjects: Sequence[str]) -> None:
        try:
            await run_sync(self._carry_out, subjects)
            # Under load, the next set is larger, and costs little more.
            await sleep(PAUSE_SECONDS)
        except Exception:
            log.exception("Events of the payment gateway are stored, but were not carried out.")


def _waits(known: Verdict) -> bool:
    return known.status is GatewayEventStatus.WAITING
