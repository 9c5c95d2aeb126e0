"""A process that waits long for the gateway keeps its claims: no other process asks as well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, select

from orders_pipeline.payments.gateway import Capture, Captured, Refund, Refunded, Void, Voided
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import authorizations, refunds
from tests.capture_bench import CaptureBench
from tests.import_bench import ImportBench, many_orders
from tests.refund_bench import RefundBench, asked


@dataclass
class Slow:
    """A gateway that answers only after other processes have seen that the rows are still claimed."""

    bench: ImportBench
    asked_at: Column[int]

    async def refund(self, asked: Sequence[Refund]) -> AsyncGenerator[Sequence[Refunded], None]:
        await self.renewal()
        yield [Refunded(one, f"re_{one.id}") for one in asked]

    async def capture(self, asked: Sequence[Capture]) -> AsyncGenerator[Sequence[Captured], None]:
        await self.renewal()
        yield [Captured(one, f"ca_{one.order_id}") for one in asked]

    async def void(self, asked: Sequence[Void]) -> AsyncGenerator[Sequence[Voided], None]:
        await self.renewal()
        yield [Voided(one, f"vo_{one.order_id}") for one in asked]

    async def renewal(self) -> None:
        claimed = self.times()
        async with asyncio.timeout(10):
            while self.times() & claimed:
                await asyncio.sleep(0.01)

    def times(self) -> set[int]:
        """When the open rows were claimed."""
        settled_at = self.asked_at.table.c.settled_at
        with reading(self.bench.engine) as connection:
            return set(connection.scalars(select(self.asked_at).where(settled_at.is_(None))))


def test_a_process_that_waits_long_for_the_gateway_keeps_its_refunds(bench: ImportBench) -> None:
    bench.stock(MOUSE=100)
    bench.import_lines(*many_orders(2))
    shop = RefundBench(bench)
    shop.request(asked("n0"), asked("n1"))
    gateway = Slow(bench, refunds.c.asked_at)
    assert shop.settle(gateway, renewed_every=0.01) is None  # type: ignore[arg-type]
    assert shop.statuses() == {"completed": 2}


def test_a_process_that_waits_long_for_the_gateway_keeps_its_captures_and_voids(bench: ImportBench) -> None:
    captures = CaptureBench.on(bench)
    bench.stock(MOUSE=100)
    bench.import_lines(*many_orders(3))
    captures.capture("n0", "n1")
    captures.cancel("n2")
    gateway = Slow(bench, authorizations.c.asked_at)
    assert captures.settle(gateway, renewed_every=0.01) is None  # type: ignore[arg-type]
    assert captures.statuses() == {"captured": 2, "voided": 1}
