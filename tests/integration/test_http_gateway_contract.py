"""What every payment gateway keeps to: the simulated one in the process, and the one behind HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import Charge, Declined, Outcome, Paid, PaymentGateway, idempotency_key
from tests.gateway_server import SEED, SUCCESS_RATE, running_gateway

SIMULATED = SimulatedGateway(SEED, SUCCESS_RATE, delay_min=0, delay_max=0)
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


def test_its_journal_if_any_has_each_charge_once(gateway: PaymentGateway) -> None:
    charges = charges_of("journal", 2_100)
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
