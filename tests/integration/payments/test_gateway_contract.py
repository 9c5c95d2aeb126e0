"""The contract of every payment gateway: simulated, over HTTP, Stripe and Mollie."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from orders_pipeline.base.model import EndKind, PaymentStatus, RefundStatus
from orders_pipeline.payments.gateway import (
    VOIDED,
    Authorized,
    Capture,
    Captured,
    Declined,
    GatewayUnavailableError,
    OutcomesOpenError,
    Paid,
    Refunded,
    Void,
    Voided,
    end_key,
    idempotency_key,
    is_refusal,
)
from tests.servers.gateway_backends import BACKENDS, DECLINED, GOOD, Shop, collect, refunds_of
from tests.servers.stripe_server import faulty
from tests.sweeps import cases

# A warning of httpx about how Stripe's client calls it.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
REMEMBERING = [name for name in BACKENDS if name != "simulated"]
PROVIDERS = ["stripe", "mollie"]
KINDS = [GOOD] * 4 + [DECLINED] * 2


@pytest.fixture(scope="module", params=BACKENDS)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with BACKENDS[request.param](tmp_path_factory.mktemp("gateway")) as found:
        yield found


def test_a_charge_is_paid_or_declined_with_its_reason(shop: Shop) -> None:
    charges = shop.charges("outcomes", KINDS)
    outcomes = shop.pay(charges)
    assert [type(outcomes[one.key]) for one in charges] == [Paid] * 4 + [Declined] * 2
    reasons = {outcomes[one.key].reason for one in charges[4:]}
    assert all(reasons)
    assert shop.decline_reason is None or reasons == {shop.decline_reason}
    paid = [outcomes[one.key].transaction_id for one in charges[:4]]
    assert len(set(paid)) == 4


def test_no_charges_have_no_outcomes(shop: Shop) -> None:
    assert shop.pay([]) == {}


def test_what_was_asked_before_has_the_outcome_it_had_and_the_rest_is_charged(shop: Shop) -> None:
    charges = shop.charges("again", [*KINDS, *KINDS])
    before = shop.pay(charges[:6])
    again = shop.pay([one._replace(asked_before=True) for one in charges])
    assert set(again) == {one.key for one in charges}
    assert {key: again[key][1] for key in before} == {key: one[1] for key, one in before.items()}


@pytest.mark.parametrize("shop", REMEMBERING, indirect=True)
def test_money_of_an_earlier_attempt_pays_the_order_and_another_amount_is_refused(shop: Shop) -> None:
    same, other = shop.charges("adopted", [GOOD, GOOD])
    first = shop.pay([same, other])
    second = [retried(same), retried(other)._replace(amount=999)]
    again = shop.pay(second)
    assert again[second[0].key].transaction_id == first[same.key].transaction_id
    assert is_refusal(again[second[1].key].reason)


def retried(charge: Any) -> Any:
    source, number, _ = charge.key.split("/")
    return charge._replace(attempt=2, key=idempotency_key(source, number, 2), asked_before=True)


def test_it_holds_what_it_said_and_nothing_else(shop: Shop) -> None:
    charges = shop.charges("holds", [GOOD, DECLINED])
    paid, declined = (shop.pay(charges)[one.key] for one in charges)
    assert shop.gateway.holds(paid)
    assert shop.gateway.holds(declined)
    assert not shop.gateway.holds(paid._replace(transaction_id="other"))
    assert not shop.gateway.holds(declined._replace(reason="lost_card"))
    assert not shop.gateway.holds(Paid(declined.charge, paid.transaction_id))


def test_its_journal_if_any_has_each_charge_once(shop: Shop) -> None:
    charges = shop.charges("journal", KINDS)
    outcomes = shop.pay(charges)
    pages = shop.gateway.journal()
    assert (pages is not None) == shop.keeps_charges
    entries = [one for page in pages or () for one in page if one.key.startswith("journal/")]
    for charge in charges if shop.keeps_charges else ():
        (entry,) = (one for one in entries if one.key == charge.key)
        is_paid = isinstance(outcomes[charge.key], Paid)
        assert (entry.amount, entry.currency) == (charge.amount, charge.currency)
        assert entry.status is (PaymentStatus.SUCCEEDED if is_paid else PaymentStatus.DECLINED)
        assert (entry.transaction_id or entry.decline_reason) == outcomes[charge.key][1]


def test_authorized_money_is_captured_or_released_once(shop: Shop) -> None:
    held = list(shop.pay(shop.charges("held", [GOOD] * 4, capture=False)).values())
    assert {type(one) for one in held} == {Authorized}
    assert all(shop.gateway.holds(one) for one in held)
    captures = [Capture(*ending(EndKind.CAPTURE, one)) for one in held[:2]]
    voids = [Void(*ending(EndKind.VOID, one)) for one in held[2:]]
    for _ in range(2):
        assert {type(one) for one in collect(shop.gateway.capture(captures))} == {Captured}
        assert {type(one) for one in collect(shop.gateway.void(voids))} == {Voided}
        captures = [one._replace(asked_before=True) for one in captures]
        voids = [one._replace(asked_before=True) for one in voids]
    assert all(shop.gateway.holds(Paid(one.charge, one.transaction_id)) for one in held[:2])
    assert all(shop.gateway.holds(Declined(one.charge, VOIDED)) for one in held[2:])


def ending(kind: EndKind, held: Authorized) -> tuple[int, str, str, int, str]:
    charge = held.charge
    key = end_key(kind, charge.key, 1)
    return charge.order_id, key, held.transaction_id, charge.amount, charge.currency


def test_a_charge_is_refunded_in_parts_and_each_part_once(shop: Shop) -> None:
    paid = list(shop.pay(shop.charges("refunds", [GOOD] * 3)).values())
    refunds = [*refunds_of(paid, "one", 0.25), *refunds_of(paid, "other", 0.5)]
    outcomes = {one.refund.key: one for one in collect(shop.gateway.refund(refunds))}
    assert {type(one) for one in outcomes.values()} == {Refunded}
    again = collect(shop.gateway.refund([one._replace(asked_before=True) for one in refunds]))
    assert {one.refund.key: one[1] for one in again} == {key: one[1] for key, one in outcomes.items()}
    one = outcomes[refunds[0].key]
    assert shop.gateway.holds(one)
    assert not shop.gateway.holds(one._replace(transaction_id="other"))
    pages = shop.gateway.refund_journal()
    assert (pages is not None) == shop.keeps_charges
    booked = [entry for page in pages or () for entry in page if entry.key in outcomes]
    assert len(booked) == (len(refunds) if shop.keeps_charges else 0)
    assert {entry.status for entry in booked} <= {RefundStatus.COMPLETED}


@pytest.mark.parametrize("shop", PROVIDERS, indirect=True)
def test_a_payment_that_the_provider_does_not_know_holds_up_no_other(shop: Shop) -> None:
    (paid,) = shop.pay(shop.charges("strange", [GOOD])).values()
    (refund,) = refunds_of([paid], "strange")
    held = shop.pay(shop.charges("strange-held", [GOOD] * 2, capture=False)).values()
    capture, void = (
        kind(*ending(end, one)) for kind, end, one in zip((Capture, Void), EndKind, held, strict=True)
    )
    asking = ((shop.gateway.refund, refund), (shop.gateway.capture, capture), (shop.gateway.void, void))
    for ask, one in asking:
        known = one._replace(asked_before=True)
        unknown = known._replace(key=f"{known.key}0", transaction_id=shop.unknown)
        outcomes = {outcome[0].key: outcome for outcome in collect(ask([unknown, known]))}
        assert type(outcomes[known.key]) in (Refunded, Captured, Voided)
        assert is_refusal(outcomes[unknown.key].reason)


@pytest.mark.parametrize("shop", PROVIDERS, indirect=True)
def test_money_moves_once_through_faults_at_a_provider_that_forgets_keys(shop: Shop) -> None:
    assert shop.at is not None
    with faulty(shop.url, share=0.3) as proxy:
        gateway = shop.at(proxy.url)
        charges = shop.charges("faults", KINDS * cases(6))
        outcomes = repeated(charges, gateway.charge, lambda one: one.charge)
        paid = [one for one in outcomes if isinstance(one, Paid)]
        returned = repeated(refunds_of(paid, "faults"), gateway.refund, lambda one: one.refund)
    assert len(proxy.injected) >= cases(4)
    pages = shop.gateway.journal()
    entries = [one for page in pages or () for one in page if one.key.startswith("faults/")]
    taken = [one.transaction_id for one in entries if one.status is PaymentStatus.SUCCEEDED]
    assert Counter(taken) == Counter(one.transaction_id for one in paid)
    assert {type(one) for one in returned} == {Refunded}
    booked = [one for page in shop.gateway.refund_journal() or () for one in page if one.charge in taken]
    assert Counter((one.charge, one.amount) for one in booked) == Counter(
        (one.transaction_id, one.charge.amount) for one in paid
    )


def repeated(asked: Sequence[Any], ask: Any, of: Any) -> list[Any]:
    """Asks again for unknown outcomes, as a repeated step does."""
    found: list[Any] = []
    left = {one.key: one for one in asked}
    for _ in range(20):
        outcomes = known(ask(list(left.values())))
        found += outcomes
        for outcome in outcomes:
            del left[of(outcome).key]
        if not left:
            return found
        left = {key: one._replace(asked_before=True) for key, one in left.items()}
    raise AssertionError(f"{len(left)} stay unknown")


def known(answers: AsyncGenerator[Sequence[Any], None]) -> list[Any]:
    """The outcomes until the gateway breaks off."""
    found: list[Any] = []

    async def read() -> None:
        async for group in answers:
            found.extend(group)

    with suppress(OutcomesOpenError):
        asyncio.run(read())
    return found


@pytest.mark.parametrize("shop", PROVIDERS, indirect=True)
def test_a_provider_that_is_away_is_reported(shop: Shop) -> None:
    assert shop.gateway.answers()
    assert shop.at is not None
    away = shop.at("http://127.0.0.1:9")
    assert not away.answers()
    with pytest.raises(GatewayUnavailableError, match="does not answer"):
        list(away.journal() or ())
