"""Payments are found in a provider's list even if the clock of this machine is wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from orders_pipeline.payments.backends.mollie.payments import payments_since
from orders_pipeline.payments.backends.providers.references import STORE
from orders_pipeline.payments.backends.stripe.intents import intents_since

HOUR, TOOK = 3_600, 600
PAGES = 60


@pytest.fixture(params=["stripe", "mollie"])
def provider(request: pytest.FixtureRequest) -> Any:
    return {"stripe": ids_at_stripe, "mollie": ids_at_mollie}[request.param]


def ids_at_stripe(since: float, made: Sequence[tuple[int, float]]) -> list[int]:
    tags = SimpleNamespace(**{STORE: "ours"})
    left = [SimpleNamespace(id=n, created=int(at), metadata=tags) for n, at in made]

    async def listed(_params: object) -> Any:
        page = [left.pop(0), left.pop(0)]
        return SimpleNamespace(data=page, has_more=bool(left))

    client: Any = SimpleNamespace(v1=SimpleNamespace(payment_intents=SimpleNamespace(list_async=listed)))
    return ids(intents_since(client, "ours", int(since), 1))


def ids_at_mollie(since: float, made: Sequence[tuple[int, float]]) -> list[int]:
    times = [(n, datetime.fromtimestamp(at, UTC).isoformat()) for n, at in made]
    left = [SimpleNamespace(id=n, created_at=at, metadata={STORE: "ours"}) for n, at in times]

    async def listed(limit: int = 0) -> Any:  # noqa: ARG001 as of the client
        page = SimpleNamespace(embedded=SimpleNamespace(payments=[left.pop(0), left.pop(0)]))
        return SimpleNamespace(result=page, next=listed if left else None)

    client: Any = SimpleNamespace(payments=SimpleNamespace(list_async=listed))
    return ids(payments_since(client, "ours", int(since), 1))


def ids(pages: Any) -> list[int]:
    async def read() -> list[int]:
        return [one.id async for page in pages for one in page]

    return asyncio.run(read())


def list_of(now: float) -> list[tuple[int, float]]:
    """Two payments per page, newest first; there is one every five minutes."""
    return [(n, now - 300 * n) for n in range(2 * PAGES)]


@pytest.mark.parametrize("ahead", [-25 * HOUR, 0, 25 * HOUR])
def test_payments_since_a_time_are_found_though_the_clock_is_wrong(
    provider: Any, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    wrong = SimpleNamespace(time=lambda: now + ahead)
    monkeypatch.setattr("orders_pipeline.payments.backends.providers.clocks.time", wrong)
    found = provider(now + ahead - TOOK, list_of(now))
    assert found[:4] == [0, 1, 2, 3]
    # At most the payments of an hour are read in vain, which allows for small clock differences.
    assert (len(found) < 20) == (ahead >= 0)


def test_payments_are_found_though_the_clock_was_ahead_and_was_set_back(
    provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    right = SimpleNamespace(time=lambda: now)
    monkeypatch.setattr("orders_pipeline.payments.backends.providers.clocks.time", right)
    assert len(provider(now + 25 * HOUR, list_of(now))) == 2 * PAGES
