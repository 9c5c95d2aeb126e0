"""Stripe's own client, through faults, with localstripe, which does not store idempotency keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from orders_pipeline.base.model import EndKind, PaymentStatus
from orders_pipeline.payments.backends.providers import asking
from orders_pipeline.payments.backends.stripe.gateway import StripeGateway
from orders_pipeline.payments.backends.stripe.requests import StripeAccount
from orders_pipeline.payments.gateway import (
    Authorized,
    Capture,
    CaptureDeclined,
    Charge,
    Declined,
    OutcomesOpenError,
    Paid,
    Void,
    end_key,
    idempotency_key,
)
from tests.servers.gateway_backends import collect
from tests.servers.small_server import running
from tests.servers.stripe_server import TEST_KEY, Payers, localstripe, make_payers

# A warning of httpx about how Stripe's client calls it.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
KINDS = ["good"] * 4 + ["declined", "asks"]


@dataclass(frozen=True, slots=True)
class Shop:
    """A gateway, and customers who can pay with it."""

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


def test_a_broken_connection_is_named_without_stripes_advice_to_write_to_its_support(shop: Shop) -> None:
    nobody = StripeGateway(StripeAccount(TEST_KEY, "http://127.0.0.1:9", timeout=20), "away", connections=1)
    with pytest.raises(OutcomesOpenError, match=r"the connection to Stripe failed \(.+\)") as caught:
        collect(nobody.charge(shop.charges("s", 1)))
    assert "support" not in str(caught.value)


def test_a_payment_that_a_customer_could_still_confirm_is_canceled_before_a_new_attempt(shop: Shop) -> None:
    (asks,) = shop.charges("s", 1, ["asks"])
    collect(shop.gateway.charge([asks]))
    (good,) = shop.charges("s", 1)
    retry = good._replace(attempt=2, key=idempotency_key("s", "A-0", 2), asked_before=True)
    (outcome,) = collect(shop.gateway.charge([retry]))
    assert isinstance(outcome, Paid)
    statuses = Counter(one.status for page in shop.gateway.journal() for one in page)
    assert statuses == {PaymentStatus.SUCCEEDED: 1, PaymentStatus.DECLINED: 1}


def test_a_process_that_was_stopped_for_hours_looks_up_before_it_sends(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    charges = shop.charges("s", 3)
    paid = collect(shop.gateway.charge(charges))
    monkeypatch.setattr(asking, "KEYS_ARE_KNOWN_SECONDS", -1)
    assert set(collect(shop.gateway.charge(charges))) == set(paid)
    assert Counter(one.key for page in shop.gateway.journal() for one in page) == Counter(
        one.key for one in charges
    )


def test_captured_money_is_not_released(shop: Shop) -> None:
    (held,) = collect(shop.gateway.charge(shop.charges("s", 1, capture=False)))
    collect(shop.gateway.capture([Capture(*ending(EndKind.CAPTURE, held))]))
    (failed,) = collect(shop.gateway.void([Void(*ending(EndKind.VOID, held))]))
    assert "was captured" in failed.reason


def test_a_part_that_was_captured_at_stripe_is_not_the_whole_amount() -> None:
    async def intent(_request: web.Request) -> web.Response:
        money = {"amount": 1000, "amount_received": 400, "currency": "usd"}
        rest = {"status": "succeeded", "metadata": {}, "latest_charge": "ch_1"}
        return web.json_response({"id": "pi_1", "object": "payment_intent", **money, **rest})

    key = end_key(EndKind.CAPTURE, idempotency_key("s", "A-0", 1), 1)
    capture = Capture(1, key, "pi_1", 1000, "USD", asked_before=True)
    with running([web.get("/v1/payment_intents/pi_1", intent)]) as address:
        gateway = StripeGateway(StripeAccount(TEST_KEY, address, timeout=20), "a-store")
        (declined,) = collect(gateway.capture([capture]))
    reason = "refused: 4.00 USD of 10.00 USD were captured at the provider"
    assert declined == CaptureDeclined(capture, reason)


def test_money_that_was_captured_by_hand_is_found_without_reading_the_list_of_all_payments() -> None:
    charge = Charge(1, 1, idempotency_key("s", "A-0", 1), 1000, "USD")

    async def intent(request: web.Request) -> web.Response:
        status = request.match_info["status"]
        rest = {"amount": 1000, "currency": "usd", "metadata": {"orders_key": charge.key}}
        return web.json_response({"id": status, "object": "payment_intent", "status": status, **rest})

    with running([web.get("/v1/payment_intents/{status}", intent)]) as address:
        gateway = StripeGateway(StripeAccount(TEST_KEY, address, timeout=20), "a-store")
        assert gateway.holds(Paid(charge, "succeeded"))
        assert gateway.holds(Authorized(charge, "requires_capture"))
        assert not gateway.holds(Paid(charge, "requires_capture"))
        assert not gateway.holds(Paid(charge._replace(amount=900), "succeeded"))


def ending(kind: EndKind, held: Authorized) -> tuple[int, str, str, int, str]:
    charge = held.charge
    key = end_key(kind, charge.key, 1)
    return charge.order_id, key, held.transaction_id, charge.amount, charge.currency
