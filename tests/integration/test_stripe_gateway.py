"""Stripe's own client against localstripe, which forgets every idempotency key, with faults in between."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from orders_pipeline.base.model import EndKind, PaymentStatus
from orders_pipeline.payments.backends.stripe.gateway import StripeGateway
from orders_pipeline.payments.backends.stripe.requests import StripeAccount
from orders_pipeline.payments.gateway import (
    VOIDED,
    Authorized,
    Capture,
    Captured,
    Charge,
    Declined,
    GatewayUnavailableError,
    Outcome,
    OutcomesOpenError,
    Paid,
    Refund,
    Refunded,
    Void,
    Voided,
    end_key,
    idempotency_key,
    refund_key,
)
from tests.stripe_server import TEST_KEY, Payers, faulty, localstripe, make_payers

# Of httpx, about how Stripe's client calls it.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
KINDS = ["good"] * 4 + ["declined", "asks"]


@dataclass(frozen=True, slots=True)
class Shop:
    """A gateway, and customers who can pay at it."""

    gateway: StripeGateway
    payers: Payers

    def charges(
        self, source: str, number: int, kinds: Sequence[str] = ("good",), **more: Any
    ) -> list[Charge]:
        found = []
        for n in range(number):
            kind = kinds[n % len(kinds)]
            payer = {"payment_method": self.payers.methods[kind], "customer": self.payers.customers[kind]}
            key = idempotency_key(source, f"A-{n}", 1)
            found.append(Charge(n, 1, key, 100 + n, "USD", **payer, **more))
        return found


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with localstripe() as found:
        yield found


@pytest.fixture(scope="module")
def payers(url: str) -> Payers:
    return make_payers(url)


@pytest.fixture
def shop(url: str, payers: Payers, request: pytest.FixtureRequest) -> Shop:
    account = StripeAccount(TEST_KEY, url, timeout=20)
    return Shop(StripeGateway(account, request.node.name, connections=10), payers)


def collect(answers: AsyncGenerator[Sequence[Any], None]) -> list[Any]:
    async def read() -> list[Any]:
        return [one async for group in answers for one in group]

    return asyncio.run(read())


def collect_known(answers: AsyncGenerator[Sequence[Any], None]) -> list[Any]:
    """The outcomes until the gateway breaks off."""
    found: list[Any] = []

    async def read() -> None:
        async for group in answers:
            found.extend(group)

    with suppress(OutcomesOpenError):
        asyncio.run(read())
    return found


def test_charges_are_paid_or_declined_and_a_customer_who_must_act_is_an_outcome(shop: Shop) -> None:
    charges = shop.charges("s", 6, KINDS)
    outcomes = {one.charge: one for one in collect(shop.gateway.charge(charges))}
    assert set(outcomes) == set(charges)
    assert [type(outcomes[one]) for one in charges] == [Paid] * 4 + [Declined] * 2
    assert outcomes[charges[4]].reason == "card_declined"
    assert outcomes[charges[5]].reason == "authentication_required"
    assert all(shop.gateway.holds(one) for one in outcomes.values())
    (paid,) = [one for one in outcomes.values() if one.charge is charges[0]]
    assert not shop.gateway.holds(paid._replace(transaction_id="pi_other"))
    entries = {one.key: one for page in shop.gateway.journal() for one in page}
    assert {key: one.status for key, one in entries.items()} == {
        one.key: PaymentStatus.SUCCEEDED if isinstance(outcomes[one], Paid) else PaymentStatus.DECLINED
        for one in charges
    }


def test_a_charge_without_a_payment_method_is_refused_and_sent_to_nobody(shop: Shop) -> None:
    (charge,) = shop.charges("s", 1)
    (outcome,) = collect(shop.gateway.charge([charge._replace(payment_method="")]))
    assert outcome.reason == "refused: the file names no payment method for this order"
    assert list(shop.gateway.journal()) == []


def test_a_request_that_stripe_refuses_fails_one_charge_with_its_words(shop: Shop) -> None:
    good, bad = shop.charges("s", 2)
    outcomes = collect(shop.gateway.charge([good, bad._replace(payment_method="pm_unknown")]))
    by_charge = {one.charge.order_id: one for one in outcomes}
    assert isinstance(by_charge[0], Paid)
    assert by_charge[1].reason.startswith("refused: 404 ")


def test_what_an_earlier_try_charged_is_found_and_not_charged_again(shop: Shop) -> None:
    charges = shop.charges("s", 6, KINDS)
    first = collect(shop.gateway.charge(charges))
    again = collect(shop.gateway.charge([one._replace(asked_before=True) for one in charges]))
    assert Counter(summary(one) for one in again) == Counter(summary(one) for one in first)


def summary(outcome: Outcome) -> tuple[str, str]:
    return outcome.charge.key, getattr(outcome, "transaction_id", "") or outcome.reason  # type: ignore[union-attr]


def test_money_of_an_earlier_attempt_pays_the_order_unless_the_amount_differs(shop: Shop) -> None:
    same, other = shop.charges("s", 2)
    first = {one.charge.order_id: one for one in collect(shop.gateway.charge([same, other]))}
    second = [
        same._replace(attempt=2, key=idempotency_key("s", "A-0", 2), asked_before=True),
        other._replace(attempt=2, key=idempotency_key("s", "A-1", 2), asked_before=True, amount=999),
    ]
    again = {one.charge.order_id: one for one in collect(shop.gateway.charge(second))}
    assert again[0].transaction_id == first[0].transaction_id
    assert again[1].reason.startswith("refused: Stripe has 101 USD for this order already")


def test_a_payment_that_a_customer_could_still_confirm_is_canceled_before_a_new_attempt(shop: Shop) -> None:
    (asks,) = shop.charges("s", 1, ["asks"])
    collect(shop.gateway.charge([asks]))
    (good,) = shop.charges("s", 1)
    retry = good._replace(attempt=2, key=idempotency_key("s", "A-0", 2), asked_before=True)
    (outcome,) = collect(shop.gateway.charge([retry]))
    assert isinstance(outcome, Paid)
    statuses = Counter(one.status for page in shop.gateway.journal() for one in page)
    assert statuses == {PaymentStatus.SUCCEEDED: 1, PaymentStatus.DECLINED: 1}


def test_authorized_money_is_captured_or_released_once(shop: Shop) -> None:
    held = collect(shop.gateway.charge(shop.charges("s", 4, capture=False)))
    assert {type(one) for one in held} == {Authorized}
    assert all(shop.gateway.holds(one) for one in held)
    captures = [Capture(*ending(EndKind.CAPTURE, one)) for one in held[:2]]
    voids = [Void(*ending(EndKind.VOID, one)) for one in held[2:]]
    for _ in range(2):
        assert {type(one) for one in collect(shop.gateway.capture(captures))} == {Captured}
        assert {type(one) for one in collect(shop.gateway.void(voids))} == {Voided}
        captures = [one._replace(asked_before=True) for one in captures]
        voids = [one._replace(asked_before=True) for one in voids]
    for one in held[:2]:
        assert shop.gateway.holds(Paid(one.charge, one.transaction_id))
    for one in held[2:]:
        assert shop.gateway.holds(Declined(one.charge, VOIDED))
    (failed,) = collect(shop.gateway.void([Void(*ending(EndKind.VOID, held[0]))]))
    assert "was captured" in failed.reason


def ending(kind: EndKind, held: Authorized) -> tuple[int, str, str, int, str]:
    charge = held.charge
    key = end_key(kind, charge.key, 1)
    return charge.order_id, key, held.transaction_id, charge.amount, charge.currency


def test_charges_and_refunds_through_faults_move_money_once_at_a_provider_that_forgets_keys(
    url: str, shop: Shop
) -> None:
    with faulty(url, share=0.3) as proxy:
        gateway = replace(shop.gateway, account=StripeAccount(TEST_KEY, proxy.url, timeout=2))
        charges = shop.charges("s", 40, KINDS)
        outcomes = repeated(charges, gateway.charge, lambda one: one.charge)
        paid = [one for one in outcomes if isinstance(one, Paid)]
        refunds = [
            Refund(n, refund_key(f"r{n}", 1), one.transaction_id, one.charge.amount, "USD", False)
            for n, one in enumerate(paid)
        ]
        returned = repeated(refunds, gateway.refund, lambda one: one.refund)
    assert len(proxy.injected) >= 5
    entries = [one for page in shop.gateway.journal() for one in page]
    assert {one.transaction_id for one in paid} == {
        one.transaction_id for one in entries if one.status is PaymentStatus.SUCCEEDED
    }
    assert len(paid) == len([one for one in entries if one.status is PaymentStatus.SUCCEEDED])
    assert {type(one) for one in returned} == {Refunded}
    booked = [one for page in shop.gateway.refund_journal() for one in page]
    assert Counter((one.charge, one.amount) for one in booked) == Counter(
        (one.transaction_id, one.amount) for one in refunds
    )


def repeated(asked: Sequence[Any], ask: Any, of: Any) -> list[Any]:
    """Asks again for what is unknown, as a step that is tried again does."""
    found: list[Any] = []
    left = {one.key: one for one in asked}
    for _ in range(20):
        outcomes = collect_known(ask(list(left.values())))
        found += outcomes
        for outcome in outcomes:
            del left[of(outcome).key]
        if not left:
            return found
        left = {key: one._replace(asked_before=True) for key, one in left.items()}
    raise AssertionError(f"{len(left)} stay unknown")


def test_a_provider_that_is_away_is_told(shop: Shop) -> None:
    away = replace(shop.gateway, account=StripeAccount(TEST_KEY, "http://127.0.0.1:9", timeout=1))
    assert not away.answers()
    with pytest.raises(GatewayUnavailableError, match="Stripe does not answer"):
        list(away.journal())
