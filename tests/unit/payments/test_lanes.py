"""Charges in lanes: the caller may close the stream of outcomes early."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from orders_pipeline.payments.gateway import Charge, Outcome, Paid
from orders_pipeline.payments.lanes import answers_in_lanes

CHARGES = [Charge(number, 1, f"shop/{number}/1", 100, "USD") for number in range(10)]


def test_a_stream_that_is_closed_early_ends_what_is_open_and_says_nothing() -> None:
    asked, ended = [], []

    async def ask(charge: Charge) -> Outcome:
        asked.append(charge)
        try:
            await asyncio.sleep(0 if charge.order_id == 0 else 1_000)
        finally:
            ended.append(charge)
        return Paid(charge, "txn")

    async def first_group() -> object:
        async with aclosing(answers_in_lanes(CHARGES, 3, ask)) as groups:
            return await anext(groups)

    assert asyncio.run(first_group()) == [Paid(CHARGES[0], "txn")]
    assert sorted(ended) == sorted(asked)
    assert len(asked) < len(CHARGES)
