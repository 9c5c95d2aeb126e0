"""Events of the gateway that arrive together are stored in groups; each request waits for its own event."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from orders_pipeline.api.grouped_events import GroupedEvents
from orders_pipeline.base.model import GatewayEventStatus
from orders_pipeline.refunds.gateway_events.event_effects import Verdict
from orders_pipeline.refunds.gateway_events.gateway_events import SentEvent

WAITS, APPLIED = Verdict(GatewayEventStatus.WAITING), Verdict(GatewayEventStatus.APPLIED)


class Store:
    """A store that waits for permission before it stores the first group."""

    def __init__(self, *, is_down: bool = False) -> None:
        self.may = threading.Event()
        self.groups: list[list[str]] = []
        self.carried_out: list[str] = []
        self._is_down = is_down

    def store(self, events: Sequence[SentEvent]) -> dict[str, Verdict]:
        self.may.wait(10)
        self.groups.append([event.id for event in events])
        if self._is_down:
            self._is_down = False
            raise ConnectionError("away")
        return {event.id: APPLIED if event.id == "known" else WAITS for event in events}

    def carry_out(self, subjects: Sequence[str]) -> None:
        self.carried_out += subjects
        raise ConnectionError("away")


def event(event_id: str) -> SentEvent:
    return SentEvent(event_id, "dispute.opened", f"subject of {event_id}", "{}")


async def sent(store: Store, *ids: str, hung_up: str = "") -> list[object]:
    """The responses to the requests. The others arrive while the first event is being stored."""
    events = GroupedEvents(store.store, store.carry_out)
    requests = {}
    for event_id in ids:
        requests[event_id] = asyncio.create_task(events.receive(event(event_id)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    if hung_up:
        requests[hung_up].cancel()
    store.may.set()
    answers = await asyncio.gather(*requests.values(), return_exceptions=True)
    await events.close()
    return list(answers)


def test_what_arrives_during_a_commit_shares_the_next_and_known_events_are_not_carried_out_again() -> None:
    store = Store()
    assert asyncio.run(sent(store, "a", "b", "known", "c")) == [WAITS, WAITS, APPLIED, WAITS]
    assert store.groups == [["a"], ["b", "known", "c"]]
    assert store.carried_out == ["subject of a", "subject of b", "subject of c"]


def test_if_the_store_is_down_its_group_is_refused_and_the_next_is_stored() -> None:
    store = Store(is_down=True)
    answers = asyncio.run(sent(store, "a", "b", "c"))
    assert [type(one) for one in answers] == [ConnectionError, Verdict, Verdict]
    assert store.carried_out == ["subject of b", "subject of c"]


@pytest.mark.parametrize("hung_up", ["a", "b"])
def test_an_event_whose_client_hung_up_is_stored_with_the_others(hung_up: str) -> None:
    store = Store()
    answers = asyncio.run(sent(store, "a", "b", "c", hung_up=hung_up))
    assert [type(one) for one in answers].count(Verdict) == 2
    assert store.groups == [["a"], ["b", "c"]]
    assert "subject of c" in store.carried_out
