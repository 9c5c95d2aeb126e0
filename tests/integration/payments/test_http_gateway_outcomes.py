"""The gateway over HTTP gives the same outcomes as the simulated one, which depend on seed and keys."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from orders_pipeline.base.model import EndKind, PaymentStatus, RefundStatus
from orders_pipeline.payments.backends.http import gateway as http_gateway_module
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import (
    VOIDED,
    Authorized,
    Capture,
    Captured,
    CaptureDeclined,
    CaptureOutcome,
    Charge,
    Declined,
    Outcome,
    Paid,
    PaymentGateway,
    Refund,
    Refunded,
    RefundFailed,
    RefundOutcome,
    Void,
    Voided,
    VoidOutcome,
    end_key,
    idempotency_key,
    refund_key,
)
from tests.servers.gateway_server import SEED, SUCCESS_RATE, running_gateway

SIMULATED = SimulatedGateway(
    SEED,
    SUCCESS_RATE,
    delay_min=0,
    delay_max=0,
    capture_success_rate=SUCCESS_RATE,
    refund_success_rate=SUCCESS_RATE,
    refund_delay_min=0,
    refund_delay_max=0,
)
ODD_NUMBERS = (
    "../../etc",
    "Größe 12/7",
    "\x00",
    "a\r\nX-Evil: 1",
    "?idempotency_key=x&a=%2F",
    "日本" * 300,
    "9" * 2000,
)


@pytest.fixture(scope="module")
def http_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaymentGateway]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    with running_gateway(folder) as server:
        yield server.client()


@pytest.fixture(params=["simulated", "http"])
def gateway(request: pytest.FixtureRequest) -> PaymentGateway:
    found: PaymentGateway = request.getfixturevalue("http_gateway") if request.param == "http" else SIMULATED
    return found


def charges_of(source: str, number: int) -> list[Charge]:
    return [Charge(n, 1, idempotency_key(source, str(n), 1), n * 100, "USD") for n in range(number)]


def charge_all(gateway: PaymentGateway, charges: Sequence[Charge]) -> dict[Charge, Outcome]:
    async def collect() -> list[Outcome]:
        return [outcome async for group in gateway.charge(charges) for outcome in group]

    outcomes = asyncio.run(collect())
    assert len(outcomes) == len(charges)
    return {outcome.charge: outcome for outcome in outcomes}


def test_each_charge_has_one_outcome_that_seed_and_key_decide(gateway: PaymentGateway) -> None:
    charges = charges_of("each", 200)
    outcomes = charge_all(gateway, charges)
    assert outcomes == {charge: SIMULATED.outcome_of(charge) for charge in charges}
    assert {type(outcome) for outcome in outcomes.values()} == {Paid, Declined}


def test_a_charge_sent_again_has_the_outcome_it_had(gateway: PaymentGateway) -> None:
    charges = charges_of("again", 50)
    assert charge_all(gateway, charges) == charge_all(gateway, list(reversed(charges)))


def test_another_attempt_is_another_charge(gateway: PaymentGateway) -> None:
    attempts = [Charge(1, n, idempotency_key("attempts", "1", n), 100, "USD") for n in range(1, 20)]
    paid = [one.transaction_id for one in charge_all(gateway, attempts).values() if isinstance(one, Paid)]
    assert len(set(paid)) == len(paid) > 1


def test_no_charges_have_no_outcomes(gateway: PaymentGateway) -> None:
    assert charge_all(gateway, []) == {}


def test_amounts_from_nothing_to_the_largest_are_charged(gateway: PaymentGateway) -> None:
    amounts = (0, 1, 2**63 - 1)
    charges = [Charge(n, 1, f"amounts/{n}/1", amount, "JPY") for n, amount in enumerate(amounts)]
    assert len(charge_all(gateway, charges)) == len(amounts)


def test_any_order_number_makes_a_key_of_its_own(gateway: PaymentGateway) -> None:
    charges = [Charge(n, 1, idempotency_key("odd", odd, 1), 5, "USD") for n, odd in enumerate(ODD_NUMBERS)]
    outcomes = charge_all(gateway, charges)
    assert charge_all(gateway, charges) == outcomes
    assert all(gateway.holds(outcome) for outcome in outcomes.values())
    paid = [one.transaction_id for one in outcomes.values() if isinstance(one, Paid)]
    assert len(set(paid)) == len(paid)


def test_it_holds_what_it_said_and_nothing_else(gateway: PaymentGateway) -> None:
    outcomes = charge_all(gateway, charges_of("holds", 20))
    paid = next(one for one in outcomes.values() if isinstance(one, Paid))
    declined = next(one for one in outcomes.values() if isinstance(one, Declined))
    assert gateway.holds(paid)
    assert gateway.holds(declined)
    assert not gateway.holds(paid._replace(transaction_id="txn_other"))
    assert not gateway.holds(declined._replace(reason="lost_card"))
    assert not gateway.holds(Paid(declined.charge, paid.transaction_id))


def test_its_journal_if_any_has_each_charge_once(
    gateway: PaymentGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_gateway_module, "PAGE", 100)
    charges = charges_of("journal", 210)
    outcomes = charge_all(gateway, charges)
    pages = gateway.journal()
    if pages is None:
        assert gateway is SIMULATED
        return
    entries = [entry for page in pages for entry in page if entry.key.startswith("journal/")]
    assert {entry.key: (entry.amount, entry.currency) for entry in entries} == {
        charge.key: (charge.amount, charge.currency) for charge in charges
    }
    assert len(entries) == len(charges)
    captured = {entry.key: entry.transaction_id for entry in entries if entry.transaction_id}
    paid = {one.charge.key: one.transaction_id for one in outcomes.values() if isinstance(one, Paid)}
    assert captured == paid


def test_what_was_asked_before_has_the_outcome_it_had_and_the_rest_is_charged(
    gateway: PaymentGateway,
) -> None:
    charges = charges_of("asked-before", 40)
    before = charge_all(gateway, charges[:20])
    asked_again = [charge._replace(asked_before=True) for charge in charges]
    outcomes = charge_all(gateway, asked_again)
    assert outcomes == {charge: SIMULATED.outcome_of(charge) for charge in asked_again}
    assert [outcomes[again][1] for again in asked_again[:20]] == [before[one][1] for one in charges[:20]]


def captured(gateway: PaymentGateway, source: str, number: int) -> list[Paid]:
    outcomes = charge_all(gateway, charges_of(source, 3 * number))
    paid = [one for one in outcomes.values() if isinstance(one, Paid) and one.charge.amount]
    return paid[:number]


def refunds_of(paid: Sequence[Paid], name: str, share: float = 1) -> list[Refund]:
    return [
        Refund(
            id=number,
            key=refund_key(f"{name}-{number}", 1),
            transaction_id=one.transaction_id,
            amount=round(one.charge.amount * share),
            currency=one.charge.currency,
            asked_before=False,
        )
        for number, one in enumerate(paid)
    ]


def refund_all(gateway: PaymentGateway, refunds: Sequence[Refund]) -> dict[Refund, RefundOutcome]:
    async def collect() -> list[RefundOutcome]:
        return [outcome async for group in gateway.refund(refunds) for outcome in group]

    outcomes = asyncio.run(collect())
    assert len(outcomes) == len(refunds)
    return {outcome.refund: outcome for outcome in outcomes}


def test_each_refund_has_one_outcome_that_seed_and_key_decide(gateway: PaymentGateway) -> None:
    refunds = refunds_of(captured(gateway, "refunds", 40), "each")
    outcomes = refund_all(gateway, refunds)
    assert outcomes == {refund: SIMULATED.refund_outcome_of(refund) for refund in refunds}
    assert {type(outcome) for outcome in outcomes.values()} == {Refunded, RefundFailed}
    assert refund_all(gateway, list(reversed(refunds))) == outcomes
    again = refund_all(gateway, [refund._replace(asked_before=True) for refund in refunds])
    assert {refund.key: one[1] for refund, one in again.items()} == {
        refund.key: one[1] for refund, one in outcomes.items()
    }


def test_a_charge_is_refunded_in_parts(gateway: PaymentGateway) -> None:
    paid = captured(gateway, "parts", 20)
    refunds = [*refunds_of(paid, "one", 0.5), *refunds_of(paid, "other", 0.5)]
    outcomes = refund_all(gateway, refunds)
    assert outcomes == {refund: SIMULATED.refund_outcome_of(refund) for refund in refunds}


def test_it_holds_the_refunds_that_it_made_and_no_others(gateway: PaymentGateway) -> None:
    outcomes = refund_all(gateway, refunds_of(captured(gateway, "refund-holds", 20), "holds")).values()
    refunded = next(one for one in outcomes if isinstance(one, Refunded))
    failed = next(one for one in outcomes if isinstance(one, RefundFailed))
    assert gateway.holds(refunded)
    assert gateway.holds(failed)
    assert not gateway.holds(refunded._replace(transaction_id="txn_other"))
    assert not gateway.holds(failed._replace(reason="no reason"))


def test_its_journal_if_any_has_each_refund_once(gateway: PaymentGateway) -> None:
    refunds = refunds_of(captured(gateway, "refund-journal", 20), "journal")
    outcomes = refund_all(gateway, refunds)
    pages = gateway.refund_journal()
    if pages is None:
        assert gateway is SIMULATED
        return
    entries = [entry for page in pages for entry in page if entry.key.startswith("refund/journal-")]
    assert len(entries) == len(refunds)
    for refund in refunds:
        (entry,) = (entry for entry in entries if entry.key == refund.key)
        assert entry[1:4] == (refund.transaction_id, refund.amount, refund.currency)
        done = isinstance(outcomes[refund], Refunded)
        assert entry.status == (RefundStatus.COMPLETED if done else RefundStatus.FAILED)
        assert (entry.transaction_id or entry.reason) == outcomes[refund][1]


def authorized(gateway: PaymentGateway, source: str, number: int) -> list[Authorized]:
    """This number of authorized charges, confirmed by another lookup."""
    later = [charge._replace(capture=False) for charge in charges_of(source, 3 * number)]
    outcomes = charge_all(gateway, later)
    assert charge_all(gateway, [one._replace(asked_before=True) for one in later]).keys() == {
        one._replace(asked_before=True) for one in later
    }
    assert {type(outcome) for outcome in outcomes.values()} == {Authorized, Declined}
    held = [one for one in outcomes.values() if isinstance(one, Authorized) and one.charge.amount]
    return held[:number]


def captures_of(held: Sequence[Authorized]) -> list[Capture]:
    return [
        Capture(
            one.charge.order_id,
            end_key(EndKind.CAPTURE, one.charge.key, 1),
            one.transaction_id,
            one.charge.amount,
            one.charge.currency,
        )
        for one in held
    ]


def voids_of(held: Sequence[Authorized]) -> list[Void]:
    return [
        Void(capture.order_id, end_key(EndKind.VOID, one.charge.key, 1), *capture[2:])
        for one, capture in zip(held, captures_of(held), strict=True)
    ]


def capture_all(gateway: PaymentGateway, captures: Sequence[Capture]) -> dict[str, CaptureOutcome]:
    async def collect() -> list[CaptureOutcome]:
        return [outcome async for group in gateway.capture(captures) for outcome in group]

    outcomes = asyncio.run(collect())
    assert len(outcomes) == len(captures)
    return {outcome.capture.key: outcome for outcome in outcomes}


def void_all(gateway: PaymentGateway, voids: Sequence[Void]) -> dict[str, VoidOutcome]:
    async def collect() -> list[VoidOutcome]:
        return [outcome async for group in gateway.void(voids) for outcome in group]

    outcomes = asyncio.run(collect())
    assert len(outcomes) == len(voids)
    return {outcome.void.key: outcome for outcome in outcomes}


def as_paid(one: Authorized) -> Paid:
    return Paid(one.charge, one.transaction_id)


def as_voided(one: Authorized) -> Declined:
    return Declined(one.charge, VOIDED)


def test_an_authorized_charge_is_captured_or_declined_once_and_stays_so(gateway: PaymentGateway) -> None:
    held = authorized(gateway, "capture", 30)
    assert all(gateway.holds(one) for one in held)
    captures = captures_of(held)
    outcomes = capture_all(gateway, captures)
    assert outcomes == {one.key: SIMULATED.capture_outcome_of(one) for one in captures}
    assert {type(outcome) for outcome in outcomes.values()} == {Captured, CaptureDeclined}
    assert capture_all(gateway, list(reversed(captures))) == outcomes
    again = capture_all(gateway, [one._replace(asked_before=True) for one in captures])
    assert {key: one[1] for key, one in again.items()} == {key: one[1] for key, one in outcomes.items()}
    for one, capture in zip(held, captures, strict=True):
        taken = isinstance(outcomes[capture.key], Captured)
        assert gateway.holds(as_paid(one) if taken else as_voided(one))


def test_a_voided_charge_is_held_no_longer_and_a_new_attempt_is_a_charge_of_its_own(
    gateway: PaymentGateway,
) -> None:
    held = authorized(gateway, "void", 10)
    voids = voids_of(held)
    outcomes = void_all(gateway, voids)
    assert {type(outcome) for outcome in outcomes.values()} == {Voided}
    again = void_all(gateway, [one._replace(asked_before=True) for one in voids])
    assert {key: one[1] for key, one in again.items()} == {key: one[1] for key, one in outcomes.items()}
    assert all(gateway.holds(as_voided(one)) for one in held)
    second = [
        one.charge._replace(attempt=2, key=f"{one.charge.key[:-2]}/2", asked_before=True) for one in held
    ]
    assert charge_all(gateway, second) == {charge: SIMULATED.outcome_of(charge) for charge in second}


def test_its_journal_if_any_shows_where_each_authorized_charge_stands(gateway: PaymentGateway) -> None:
    held = authorized(gateway, "held-journal", 12)
    captures = captures_of(held[:6])
    outcomes = capture_all(gateway, captures)
    void_all(gateway, voids_of(held[6:9]))
    pages = gateway.journal()
    if pages is None:
        assert gateway is SIMULATED
        return
    entries = {entry.key: entry for page in pages for entry in page}
    captured = [isinstance(outcomes[one.key], Captured) for one in captures]
    expected = [PaymentStatus.SUCCEEDED if one else PaymentStatus.VOIDED for one in captured]
    expected += [PaymentStatus.VOIDED] * 3 + [PaymentStatus.AUTHORIZED] * 3
    assert [entries[one.charge.key].status for one in held] == expected
    assert [entries[one.charge.key].transaction_id for one in held] == [one.transaction_id for one in held]
