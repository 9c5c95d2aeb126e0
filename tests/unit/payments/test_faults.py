"""Faults are drawn by seed, key and request, so that a run can be repeated."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.simulator.app import Simulator
from orders_pipeline.payments.simulator.events import EventSender
from orders_pipeline.payments.simulator.faults import Fault, FaultPlan
from orders_pipeline.payments.simulator.journal import Journal

EVEN = dict.fromkeys(Fault, 0.025)


def drawn(plan: FaultPlan) -> list[Fault | None]:
    return [plan.fault_of(f"key/{n}", 1) for n in range(20_000)]


def test_the_same_seed_draws_the_same_faults_and_another_seed_others() -> None:
    assert drawn(FaultPlan(rates=EVEN, seed="a")) == drawn(FaultPlan(rates=EVEN, seed="a"))
    assert drawn(FaultPlan(rates=EVEN, seed="a")) != drawn(FaultPlan(rates=EVEN, seed="b"))


def test_each_fault_meets_its_share_of_requests() -> None:
    counts = Counter(drawn(FaultPlan(rates=EVEN, seed="a")))
    assert all(400 < counts[fault] < 600 for fault in Fault)


def test_only_the_first_requests_of_a_key_meet_a_fault_where_that_is_asked() -> None:
    plan = FaultPlan(rates={Fault.SLOW: 1}, first_requests=2)
    assert [plan.fault_of("key", request) for request in (1, 2, 3)] == [Fault.SLOW, Fault.SLOW, None]


@pytest.mark.parametrize(
    "rates", [{Fault.SLOW: 1.1}, {Fault.SLOW: -0.1}, {Fault.SLOW: 0.6, Fault.RESET_AFTER: 0.6}]
)
def test_rates_beyond_all_requests_are_refused(rates: dict[Fault, float]) -> None:
    with pytest.raises(ValidationError):
        FaultPlan(rates=rates)


@pytest.mark.parametrize(("client", "status"), [("127.0.0.1", 200), ("::1", 200), ("192.0.2.1", 403)])
def test_faults_are_set_from_this_machine_only(tmp_path: Path, client: str, status: int) -> None:
    journal = Journal(tmp_path)
    app = Simulator(SimulatedGateway("seed"), journal, FaultPlan(), "", EventSender()).app()

    async def put() -> int:
        transport = httpx.ASGITransport(app, client=(client, 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as caller:
            return (await caller.put("/control/faults", json={"rates": {"slow": 0.5}})).status_code

    assert asyncio.run(put()) == status
    journal.close()
