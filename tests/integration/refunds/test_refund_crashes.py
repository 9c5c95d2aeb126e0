"""Refunds, interrupted at any commit and resumed; gateways that fail and forget.

To the order store, a process that is killed before or after a commit is one whose connection breaks there.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import RefundKind, RefundStatus
from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import (
    Refund,
    Refunded,
    RefundEntry,
    RefundFailed,
    RefundOutcome,
    RefundsOpenError,
    refund_key,
)
from orders_pipeline.refunds.actions import RefundAction
from orders_pipeline.refunds.requests.request import Requested
from orders_pipeline.store.schema import home, payments
from orders_pipeline.verify.everything import verify_orders
from tests.chaos.taken_up_again import Work
from tests.import_bench import ImportBench, Line, many_orders
from tests.refund_bench import RefundBench, asked
from tests.servers.gateway_server import running_gateway
from tests.sweeps import cases
from tests.warm_processes import warm_python

WANTED = [
    asked("n0", key="k0"),
    asked("n1", (1, 1), key="k1", restock=False),
    asked("n2", amount="0.50", key="k2"),
    asked("n3", amount="3.00", key="k3", recorded=True),
    asked("n4", kind=RefundKind.DISPUTE, amount="2.00", fee="1.00", key="k4"),
    asked("n5", amount="7.00", key="k5"),
    asked("n6", amount="2000.00", key="k6"),
]
DECLINED = 700
CRASHES = 12  # `make sweep` tries every point


def prepare(bench: ImportBench) -> None:
    bench.set(payment_success_rate=1)
    bench.stock(MOUSE=100)
    bench.import_lines(*many_orders(6, quantity=2), Line("n6", "CABLE", customer=""))


def give_back(bench: ImportBench) -> None:
    """Requests a refund, settles it and undoes it; each part may be repeated."""
    shop = RefundBench(bench)
    shop.request(*WANTED)
    shop.settle(Declining(shop.bench.gateway))  # type: ignore[arg-type]
    shop.act(RefundAction.REVERSE, shop.of("n0")[0]["refund_id"])


@dataclass(slots=True)
class Declining:
    """Declines the refund of 7.00 and makes all others."""

    gateway: SimulatedGateway

    async def refund(self, refunds: Sequence[Refund]) -> AsyncGenerator[Sequence[RefundOutcome], None]:
        async for outcomes in self.gateway.refund(refunds):
            yield [
                RefundFailed(one.refund, "declined") if one.refund.amount == DECLINED else one
                for one in outcomes
            ]


def came_to(bench: ImportBench) -> object:
    broken = {check.name for check in verify_orders(bench.engine, bench.gateway) if not check.ok}
    # The test adds the declined refund.
    assert broken <= {"gateway_agrees_with_refunds"}
    shop = RefundBench(bench)
    refunds = [
        (one["number"], one["status"], one["amount"], one["failure"], one["lines"])
        for number in range(7)
        for one in shop.of(f"n{number}")
    ]
    return refunds, bench.shelf(), bench.rows("customer_totals"), bench.rows("product_totals")


def test_refunds_broken_off_at_any_commit_have_the_same_result_when_taken_up_again(
    store_url: str, tmp_path: Path
) -> None:
    assert Work(prepare, give_back, came_to).break_off(store_url, tmp_path, CRASHES) > 8


@dataclass(slots=True)
class Forgetful:
    """A provider with a journal that forgets keys at once, breaks off, and answers only sometimes.

    It refuses nothing: a refund that is sent twice is made twice, unless it is looked up first.
    """

    faults: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 no secret
    made: list[RefundEntry] = field(default_factory=list)

    async def refund(self, refunds: Sequence[Refund]) -> AsyncGenerator[Sequence[RefundOutcome], None]:
        unknown = 0
        for one in refunds:
            outcome = self._answer(one)
            if outcome is None:
                unknown += 1
            else:
                yield [outcome]
        if unknown:
            raise RefundsOpenError(unknown, len(refunds))

    def _answer(self, refund: Refund) -> RefundOutcome | None:
        luck = self.faults.random()
        if luck < 0.1:
            return None
        made = (
            next((one for one in self.made if one.key == refund.key), None) if refund.asked_before else None
        )
        if made is None:
            made = self.make(refund)
        if luck < 0.2:
            return None
        if made.transaction_id is None:
            return RefundFailed(refund, made.reason or "")
        return Refunded(refund, made.transaction_id)

    def make(self, refund: Refund) -> RefundEntry:
        """Makes a refund, or declines it, even if it was made before."""
        declined = self.faults.random() < 0.05
        done = None if declined else f"re_{len(self.made)}"
        status = RefundStatus.FAILED if declined else RefundStatus.COMPLETED
        reason = "declined" if declined else None
        entry = RefundEntry(
            refund.key, refund.transaction_id, refund.amount, refund.currency, status, done, reason
        )
        self.made.append(entry)
        return entry

    def holds(self, outcome: object) -> bool:  # noqa: ARG002 the journal has every outcome
        return False

    def journal(self) -> None:
        return None

    def refund_journal(self) -> Iterator[Sequence[RefundEntry]]:
        yield self.made


def test_with_gateway_faults_and_forgotten_keys_the_journal_equals_the_store(bench: ImportBench) -> None:
    orders = cases(150)
    bench.set(transaction_orders=40)
    bench.stock(MOUSE=3 * orders)
    bench.import_lines(*many_orders(orders, quantity=3))
    shop = RefundBench(bench)
    shop.request(*(asked(f"n{number}", (1, 1)) for number in range(orders) for _ in range(2)))
    provider = Forgetful()
    while shop.settle(provider, tries=3):  # type: ignore[arg-type]
        pass
    made = Counter(one.status.value for one in provider.made)
    assert made == shop.statuses()
    assert made["failed"] > 0
    given_back = sum(one.amount for one in provider.made if one.status is RefundStatus.COMPLETED)
    assert shop.customer() == (orders * 3000, given_back)
    by_charge: Counter[str] = Counter()
    for one in provider.made:
        by_charge[one.charge] += one.amount if one.status is RefundStatus.COMPLETED else 0
    assert max(by_charge.values()) <= 3000
    checks = {check.name: check.ok for check in verify_orders(bench.engine, provider)}  # type: ignore[arg-type]
    assert checks["gateway_agrees_with_refunds"]
    assert checks["money_given_back_belongs_to_refunds"]
    assert checks["refunds_are_within_captured"]


class Honest(random.Random):
    """A random source with which every answer arrives, and nothing is declined."""

    def random(self) -> float:
        return 0.5


def test_a_restored_store_looks_up_refunds_that_the_provider_made_after_its_backup(
    bench: ImportBench,
) -> None:
    bench.stock(MOUSE=100)
    bench.import_lines(*many_orders(1, quantity=3))
    shop = RefundBench(bench)
    (requested,) = shop.request(asked("n0", (1, 1)))
    assert isinstance(requested, Requested)
    provider = Forgetful(Honest())
    with bench.engine.begin() as connection:
        charge = connection.execute(select(payments.c.transaction_id)).scalar_one()
        connection.execute(update(home).values(restored_at=now_us()))
    key = refund_key(requested.refund_id, 1)
    provider.make(Refund(requested.id, key, charge, 1000, "USD", asked_before=False))
    shop.settle(provider)  # type: ignore[arg-type]
    assert shop.statuses() == {"completed": 1}
    assert len(provider.made) == 1


SETTLE = """
from sqlalchemy import true
from orders_pipeline.base.settings import load_settings
from orders_pipeline.payments.connect import connect_gateway
from orders_pipeline.refunds.settle import RefundWork
from orders_pipeline.store.engine import open_engine
settings = load_settings()
engine = open_engine(settings.store_url)
RefundWork.of(settings, engine, connect_gateway(settings, engine)).settle(true())
"""


def test_a_process_that_is_killed_while_the_gateway_works_loses_nothing(
    lone_bench: ImportBench, tmp_path: Path
) -> None:
    with running_gateway(tmp_path / "gateway", "--forget-keys", "0", delay=0.2) as server:
        bench, store = lone_bench, str(lone_bench.engine.url)
        bench.set(payment_url=server.url, payment_connections=4)
        bench.stock(MOUSE=100)
        bench.import_lines(*many_orders(60, quantity=3))
        shop = RefundBench(bench)
        charged = [number for number, status in bench.statuses().items() if status == "completed"]
        shop.request(*(asked(number, (1, 1)) for number in charged))
        own = {"HOME": bench.settings.home, "DATABASE_URL": store, "PAYMENT_URL": server.url}
        environment = os.environ | {f"ORDERS_{name}": str(value) for name, value in own.items()}
        environment["ORDERS_PAYMENT_CONNECTIONS"] = "4"
        with subprocess.Popen([warm_python(), "-c", SETTLE], env=environment, cwd=PROJECT_ROOT) as process:
            while len(server.refunds()) < 4:
                assert process.poll() is None
            process.kill()
        assert shop.statuses()["processing"] > 0
        assert shop.settle(bench.gateway) is None
        made = [transaction for *_, transaction in server.refunds().values()]
        assert len(made) == len(charged)
        assert shop.statuses()["completed"] == sum(transaction is not None for transaction in made)
        assert bench.broken_checks() == set()
