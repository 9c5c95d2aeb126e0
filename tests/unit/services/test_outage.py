"""Callers of a service that does not answer: only the first ones wait."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import pytest

from orders_pipeline.base.clock import now_us
from orders_pipeline.services.outage import Outage
from tests.waiting import eventually


class Service:
    """A service that does not answer until it is back. Counts the calls."""

    def __init__(self) -> None:
        self.back, self.calls, self.asked = Event(), 0, Event()

    def call(self) -> str:
        self.calls += 1
        self._answer()
        return "answer"

    def ask(self) -> None:
        self.asked.set()
        self._answer()

    def _answer(self) -> None:
        if not self.back.is_set():
            raise TimeoutError("no answer")


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def outage(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    monkeypatch.setattr("orders_pipeline.services.outage.ASK_AGAIN_SECONDS", 0.01)
    outage = Outage(service.ask, ConnectionError, TimeoutError)
    yield outage
    outage.close()


def test_after_the_first_call_without_an_answer_nobody_calls_until_the_service_answers(
    service: Service, outage: Outage
) -> None:
    before = now_us()
    with pytest.raises(TimeoutError):
        outage.guard(service.call)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            outage.guard(service.call)
    assert service.calls == 1
    assert before <= (outage.since or 0) <= now_us()
    service.back.set()
    eventually(lambda: outage.since is None)
    assert outage.guard(service.call) == "answer"


def test_an_error_of_another_kind_is_no_outage(outage: Outage) -> None:
    with pytest.raises(ZeroDivisionError):
        outage.guard(lambda: 1 // 0)
    assert outage.since is None


def test_a_closed_outage_is_not_asked_for_any_more(service: Service, outage: Outage) -> None:
    with pytest.raises(TimeoutError):
        outage.guard(service.call)
    outage.close()
    service.asked.clear()
    assert not service.asked.wait(0.2)
