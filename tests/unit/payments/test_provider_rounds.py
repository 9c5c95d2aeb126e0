"""Rounds of requests to a provider: what a look-up that fails leaves open."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace

import pytest

from orders_pipeline.base.model import RefundStatus
from orders_pipeline.payments.backends.providers import asking
from orders_pipeline.payments.backends.providers.answers import OutcomeUnknown, Refused
from orders_pipeline.payments.backends.providers.asking import LookedUp, Rounds
from orders_pipeline.payments.backends.providers.refunds import MadeRefund, look_up_refunds
from orders_pipeline.payments.gateway import (
    GatewayRefusedError,
    Refund,
    Refunded,
    RefundOutcome,
    RefundsOpenError,
    refund_key,
)

REFUNDS = [Refund(n, refund_key(str(n), 1), f"pi_{n}", 100, "USD", asked_before=True) for n in range(50)]
LANES = 10


@dataclass(slots=True)
class Provider:
    """Has all refunds, but does not answer about some, and does not know some payments."""

    silent: frozenset[int] = frozenset()
    unknown: frozenset[int] = frozenset({0})
    refuses_key: bool = False
    open_now: int = 0
    most_open: int = 0
    sent: list[int] = field(default_factory=list)

    async def look_up(self, refunds: Sequence[Refund], lanes: int, /) -> LookedUp[Refund, RefundOutcome]:
        return await look_up_refunds(refunds, self.made, lanes)

    async def made(self, refund: Refund) -> list[MadeRefund]:
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        await asyncio.sleep(0)
        self.open_now -= 1
        if self.refuses_key:
            raise GatewayRefusedError("Stripe refuses the API key")
        if refund.id in self.silent:
            raise OutcomeUnknown("429", retry_after=0.0)
        if refund.id in self.unknown:
            raise Refused("No such payment_intent")
        made = ("re", refund.key, refund.transaction_id, 100, "USD", RefundStatus.COMPLETED)
        return [MadeRefund(*made)]

    async def send(self, refund: Refund, /) -> RefundOutcome:
        self.sent.append(refund.id)
        return Refunded(refund, "re_new")


async def ask(
    provider: Provider, refunds: Sequence[Refund], found: list[RefundOutcome], waits: Sequence[float] = ()
) -> None:
    rounds: Rounds[Refund, RefundOutcome] = Rounds(provider, RefundsOpenError, LANES, waits=waits)
    async for group in rounds.outcomes(refunds):
        found.extend(group)


def collect(provider: Provider, error: type[Exception]) -> list[RefundOutcome]:
    found: list[RefundOutcome] = []
    with pytest.raises(error):
        asyncio.run(ask(provider, REFUNDS, found))
    return found


def test_a_look_up_that_fails_leaves_only_its_own_refund_open() -> None:
    provider = Provider(silent=frozenset({7, 30}))
    found = collect(provider, RefundsOpenError)
    assert {one.refund.id for one in found} == set(range(50)) - {7, 30}
    assert provider.sent == [0]
    assert provider.most_open == LANES


def test_a_key_that_is_refused_ends_the_look_up_without_sending_anything() -> None:
    provider = Provider(refuses_key=True)
    assert collect(provider, GatewayRefusedError) == []
    assert provider.sent == []


NEW = [one._replace(asked_before=False) for one in REFUNDS]


def test_a_process_that_was_stopped_for_hours_looks_up_before_it_sends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "KEYS_ARE_KNOWN_SECONDS", -1)
    provider, found = Provider(), list[RefundOutcome]()
    with pytest.raises(RefundsOpenError):
        asyncio.run(ask(provider, NEW, found, waits=(0.0,)))
    assert provider.sent == []
    assert {one.refund.id for one in found} == set(range(1, 50))


def test_a_list_that_takes_hours_is_sent_in_rounds_that_look_up_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = count()
    monkeypatch.setattr(asking, "time", SimpleNamespace(time=lambda: next(seconds)))
    monkeypatch.setattr(asking, "KEYS_ARE_KNOWN_SECONDS", 10)
    provider, found = Provider(unknown=frozenset(range(50))), list[RefundOutcome]()
    asyncio.run(ask(provider, NEW, found))
    assert sorted(provider.sent) == list(range(50))
    assert len(found) == 50
