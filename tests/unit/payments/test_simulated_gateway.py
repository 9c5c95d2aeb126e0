"""The simulated gateway: outcomes depend only on seed and key, not on the order of requests."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import pytest

from orders_pipeline.payments.backends.simulated import REASONS, REFUND_REASONS, SimulatedGateway
from orders_pipeline.payments.gateway import (
    Charge,
    Declined,
    Outcome,
    Paid,
    Refund,
    Refunded,
    RefundFailed,
    RefundOutcome,
    idempotency_key,
    refund_key,
)


def charges(count: int) -> list[Charge]:
    return [Charge(n, 1, idempotency_key("default", str(n), 1), 100, "USD") for n in range(count)]


def ask(gateway: SimulatedGateway, wanted: Sequence[Charge]) -> list[Outcome]:
    async def collect() -> list[Outcome]:
        return [outcome async for group in gateway.charge(wanted) for outcome in group]

    return asyncio.run(collect())


def at_once(seed: str = "a seed", rate: float = 0.9) -> SimulatedGateway:
    return SimulatedGateway(seed, rate, 0, 0)


def test_each_charge_is_answered_once() -> None:
    wanted = charges(12_000)
    assert [outcome.charge for outcome in ask(at_once(), wanted)] == wanted


def test_nothing_to_charge_is_nothing_answered() -> None:
    assert ask(at_once(), []) == []
    assert ask(SimulatedGateway("a seed", 1, 0.001, 0.001), []) == []


def test_outcomes_do_not_depend_on_what_else_is_asked() -> None:
    wanted = charges(200)
    together = {outcome.charge.key: outcome for outcome in ask(at_once(rate=0.5), wanted)}
    for charge in reversed(wanted):
        assert ask(at_once(rate=0.5), [charge]) == [together[charge.key]]


@pytest.mark.parametrize("in_flight", [1, 7, 500])
def test_a_delay_changes_no_outcome_and_no_charge_is_lost(in_flight: int) -> None:
    wanted = charges(100)
    slow = SimulatedGateway("a seed", 0.5, 0.0001, 0.001, max_in_flight=in_flight)
    assert set(ask(slow, wanted)) == set(ask(at_once(rate=0.5), wanted))


def test_another_seed_has_other_outcomes() -> None:
    wanted = charges(200)
    first, second = (ask(at_once(seed, 0.5), wanted) for seed in ("one", "two"))
    assert [type(outcome) for outcome in first] != [type(outcome) for outcome in second]


def test_another_attempt_may_have_another_outcome() -> None:
    gateway = at_once(rate=0.5)
    for_attempts = {
        type(gateway.outcome_of(Charge(1, attempt, idempotency_key("s", "1", attempt), 100, "USD")))
        for attempt in range(1, 30)
    }
    assert for_attempts == {Paid, Declined}


@pytest.mark.parametrize(("rate", "paid"), [(0, 0), (1, 5_000)])
def test_none_or_all_are_paid_at_the_ends_of_the_rate(rate: float, paid: int) -> None:
    outcomes = ask(at_once(rate=rate), charges(5_000))
    assert sum(isinstance(outcome, Paid) for outcome in outcomes) == paid


def test_about_the_configured_share_is_paid_and_the_others_have_reasons() -> None:
    outcomes = ask(at_once(), charges(20_000))
    declined = [outcome for outcome in outcomes if isinstance(outcome, Declined)]
    assert 1_800 < len(declined) < 2_200
    assert {outcome.reason for outcome in declined} == set(REASONS)


def test_transactions_are_unique() -> None:
    outcomes = ask(at_once(rate=1), charges(5_000))
    assert len({outcome.transaction_id for outcome in outcomes if isinstance(outcome, Paid)}) == 5_000


def test_the_journal_holds_its_own_outcomes_and_no_others() -> None:
    gateway = at_once(rate=0.5)
    (charge,) = charges(1)
    for outcome in ask(gateway, charges(100)):
        assert gateway.holds(outcome)
    assert not gateway.holds(Paid(charge, "txn_of_somebody_else"))
    assert not gateway.holds(Declined(charge, "no reason"))


def test_transactions_of_charges_grow_with_the_numbers_of_their_orders() -> None:
    keys = [idempotency_key("shop", str(number), 1) for number in (9, 10, 5_000_000)]
    outcomes = ask(at_once(rate=1), [Charge(1, 1, key, 100, "USD") for key in keys])
    transactions = [outcome.transaction_id for outcome in outcomes if isinstance(outcome, Paid)]
    assert transactions == sorted(transactions)


@pytest.mark.parametrize("number", ["#1/2-a", "Ä-7", "x" * 60])
def test_any_order_number_gives_a_transaction_of_plain_characters(number: str) -> None:
    (paid,) = ask(at_once(rate=1), [Charge(1, 1, idempotency_key("shop", number, 1), 100, "USD")])
    assert isinstance(paid, Paid)
    assert re.fullmatch("txn_[0-9a-z]{24,28}", paid.transaction_id)


def test_the_journal_holds_charges_of_older_versions() -> None:
    gateway = at_once("seed", rate=1)
    charge = Charge(1, 1, idempotency_key("shop", "7", 1), 100, "USD")
    assert gateway.holds(Paid(charge, "txn_f6d35fd0ebdfab0d23a1cd4c"))


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a/b", "c"), ("a", "b/c")), (("a", "b/1"), ("a/b", "1")), (("a%2Fb", "c"), ("a/b", "c"))],
)
def test_no_two_orders_share_a_key(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert idempotency_key(*one, 1) != idempotency_key(*other, 1)


def test_a_key_is_readable() -> None:
    assert idempotency_key("online_retail", "536365", 2) == "online_retail/536365/2"


def refunds(count: int) -> list[Refund]:
    return [
        Refund(n, refund_key(f"r{n}", 1), f"txn_{n}", 100, "USD", asked_before=False) for n in range(count)
    ]


def give_back(gateway: SimulatedGateway, wanted: Sequence[Refund]) -> list[RefundOutcome]:
    async def collect() -> list[RefundOutcome]:
        return [outcome async for group in gateway.refund(wanted) for outcome in group]

    return asyncio.run(collect())


def refunding(rate: float, longest_delay: float = 0.0) -> SimulatedGateway:
    return SimulatedGateway(
        "a seed", 0, refund_success_rate=rate, refund_delay_min=0, refund_delay_max=longest_delay
    )


def test_refunds_have_a_success_rate_of_their_own() -> None:
    wanted = refunds(2_000)
    assert all(isinstance(outcome, Refunded) for outcome in give_back(refunding(1), wanted))
    failed = [one for one in give_back(refunding(0.5), wanted) if isinstance(one, RefundFailed)]
    assert 900 < len(failed) < 1_100
    assert {outcome.reason for outcome in failed} == set(REFUND_REASONS)


def test_a_refund_has_the_same_outcome_each_time_also_after_a_delay() -> None:
    wanted = refunds(100)
    at_once = give_back(refunding(0.5), wanted)
    assert [outcome.refund for outcome in at_once] == wanted
    assert set(give_back(refunding(0.5, longest_delay=0.001), wanted)) == set(at_once)
    assert all(refunding(1).holds(outcome) for outcome in at_once)


def test_a_refund_that_failed_can_go_through_with_the_key_of_its_next_attempt() -> None:
    (refund,) = refunds(1)
    attempts = [refund._replace(key=refund_key("r0", attempt)) for attempt in range(1, 30)]
    assert {type(outcome) for outcome in give_back(refunding(0.5), attempts)} == {Refunded, RefundFailed}
