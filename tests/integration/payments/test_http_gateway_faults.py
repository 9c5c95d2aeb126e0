"""Whatever fails between us and the gateway: each charge happens once, and a doubt is never a decline."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from orders_pipeline.base.model import EndKind
from orders_pipeline.payments.backends.http import asking
from orders_pipeline.payments.backends.http.gateway import HttpGateway
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import (
    Authorized,
    Capture,
    Captured,
    CaptureDeclined,
    CaptureOutcome,
    Charge,
    ChargesOpenError,
    Declined,
    GatewayRefusedError,
    GatewayUnavailableError,
    Outcome,
    OutcomesOpenError,
    Paid,
    Refund,
    Refunded,
    RefundFailed,
    RefundOutcome,
    Void,
    Voided,
    VoidOutcome,
    end_key,
    is_refusal,
    refund_key,
)
from orders_pipeline.payments.simulator.faults import PASSING, Fault
from tests.servers.gateway_server import SEED, SUCCESS_RATE, GatewayServer, running_gateway
from tests.servers.raw_server import answering
from tests.services import free_port
from tests.warm_processes import warm_orders

SIMULATED = SimulatedGateway(
    SEED, SUCCESS_RATE, 0, 0, refund_success_rate=SUCCESS_RATE, capture_success_rate=SUCCESS_RATE
)
TRIES_OF_A_STEP = 10
Answer = TypeVar("Answer")
number = count(1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayServer]:
    with running_gateway(tmp_path_factory.mktemp("gateway")) as server:
        yield server


@pytest.fixture
def server(running: GatewayServer) -> Iterator[GatewayServer]:
    yield running
    running.set_faults()


def some_charges(how_many: int) -> list[Charge]:
    source = f"faults-{next(number)}"
    return [Charge(n, 1, f"{source}/{n}/1", 1000 + n, "EUR") for n in range(how_many)]


def stream(gateway: HttpGateway, charges: Sequence[Charge]) -> tuple[list[Outcome], int]:
    return outcomes_and_open(gateway.charge(charges))


def outcomes_and_open(answers: AsyncIterator[Sequence[Answer]]) -> tuple[list[Answer], int]:
    """The outcomes that arrived, and the number of requests open at the end."""
    outcomes: list[Answer] = []

    async def collect() -> int:
        try:
            async for group in answers:
                outcomes.extend(group)
        except OutcomesOpenError as error:
            return error.open_requests
        return 0

    return outcomes, asyncio.run(collect())


def expected(charges: Sequence[Charge]) -> set[Outcome]:
    return {SIMULATED.outcome_of(charge) for charge in charges}


def paid_of(charges: Sequence[Charge]) -> int:
    return sum(isinstance(outcome, Paid) for outcome in expected(charges))


def assert_journaled_once(server: GatewayServer, charges: Sequence[Charge]) -> None:
    journal = server.journal()
    for outcome in expected(charges):
        transaction = outcome.transaction_id if isinstance(outcome, Paid) else None
        charge = outcome.charge
        assert journal[charge.key] == (charge.amount, charge.currency, transaction)


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_of_the_first_request_changes_no_outcome(server: GatewayServer, fault: Fault) -> None:
    server.set_faults(
        rates={fault: 1},
        first_requests=1,
        slow_seconds=0.1,
        late_seconds=1,
        hang_seconds=30,
        retry_after_seconds=0,
    )
    before = server.injected().get(fault, 0)
    charges = some_charges(12)
    outcomes, left_open = stream(server.client(timeout=1.0), charges)
    assert (set(outcomes), len(outcomes), left_open) == (expected(charges), 12, 0)
    assert_journaled_once(server, charges)
    faulty = paid_of(charges) if fault is Fault.LATE_SUCCESS else len(charges)
    assert server.injected()[fault] - before == faulty


@pytest.mark.parametrize(
    "fault", [Fault.RESET_AFTER, Fault.TIMEOUT_AFTER, Fault.ERROR_AFTER, Fault.TRICKLE_AFTER]
)
def test_what_was_charged_is_found_by_its_key_though_no_request_is_ever_answered(
    server: GatewayServer, fault: Fault
) -> None:
    server.set_faults(rates={fault: 1}, hang_seconds=30)
    charges = some_charges(8)
    outcomes, left_open = stream(server.client(timeout=0.5), charges)
    assert (set(outcomes), left_open) == (expected(charges), 0)


@pytest.mark.parametrize(
    "fault", [Fault.RESET_BEFORE, Fault.ERROR_BEFORE, Fault.RATE_LIMITED, Fault.MAINTENANCE_PAGE]
)
def test_a_gateway_that_takes_no_request_leaves_all_open_and_charges_them_once_it_is_well(
    server: GatewayServer, fault: Fault
) -> None:
    server.set_faults(rates={fault: 1}, retry_after_seconds=0)
    charges = some_charges(8)
    assert stream(server.client(), charges) == ([], 8)
    assert not server.journal().keys() & {charge.key for charge in charges}
    server.set_faults()
    outcomes, left_open = stream(server.client(), charges)
    assert (set(outcomes), left_open) == (expected(charges), 0)


def test_a_gateway_under_maintenance_takes_no_requests(server: GatewayServer) -> None:
    page = b"<html>Back soon.</html>"
    head = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 23\r\n\r\n"
    with answering(head + page) as url:
        gateway = HttpGateway(url, timeout=2)
        assert not gateway.answers()
        with pytest.raises(GatewayUnavailableError, match="text/html, which does not come from"):
            gateway.check()
    assert server.client().answers()


@pytest.mark.parametrize("part", ["headers", "body"])
def test_an_answer_that_never_ends_is_given_up_at_the_deadline(part: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    start = head if part == "headers" else head + b"Content-Length: 100000\r\n\r\n"
    with answering(start, trickle=b"X-A: b\r\n" if part == "headers" else b" ") as url:
        gateway = HttpGateway(url, timeout=0.5, known_within=0.5)
        assert stream(gateway, some_charges(3)) == ([], 3)
        assert not gateway.answers()


def test_an_answer_that_is_too_large_is_given_up() -> None:
    with answering(b"HTTP/1.1 200 OK\r\n\r\n", trickle=b" " * (1 << 20), pause=0) as url:
        gateway = HttpGateway(url, timeout=30, known_within=0.1)
        with pytest.raises(GatewayUnavailableError, match="larger than 16,777,216 bytes"):
            gateway.holds(SIMULATED.outcome_of(some_charges(1)[0]))


def test_an_outcome_that_is_not_known_in_time_is_open_and_in_no_journal_yet(server: GatewayServer) -> None:
    server.set_faults(rates={Fault.LATE_SUCCESS: 1}, late_seconds=3600)
    charges = some_charges(20)
    gateway = server.client(known_within=0.3)
    outcomes, left_open = stream(gateway, charges)
    assert left_open == paid_of(charges) > 0
    assert set(outcomes) == {outcome for outcome in expected(charges) if not isinstance(outcome, Paid)}
    journaled = {entry.key for page in gateway.journal() for entry in page}
    assert journaled & {charge.key for charge in charges} == {one.charge.key for one in outcomes}


def test_a_retry_after_that_is_a_date_is_waited_for(server: GatewayServer) -> None:
    server.set_faults(
        rates={Fault.RATE_LIMITED: 1}, first_requests=1, retry_after_seconds=1, retry_after_as_date=True
    )
    charges = some_charges(3)
    outcomes, left_open = stream(server.client(), charges)
    assert (set(outcomes), left_open) == (expected(charges), 0)


def test_a_retry_after_beyond_the_bound_leaves_the_charge_open_at_once(server: GatewayServer) -> None:
    server.set_faults(rates={Fault.RATE_LIMITED: 1}, retry_after_seconds=86_400)
    before = server.injected().get(Fault.RATE_LIMITED, 0)
    assert stream(server.client(), some_charges(3)) == ([], 3)
    assert server.injected()[Fault.RATE_LIMITED] - before == 3


def test_the_same_key_with_another_amount_is_refused_and_does_not_stop_the_others(
    server: GatewayServer,
) -> None:
    charges = some_charges(20)
    stream(server.client(), charges[:1])
    changed = [charges[0]._replace(amount=1), *charges[1:]]
    outcomes, left_open = stream(server.client(), changed)
    assert left_open == 0
    (refused,) = set(outcomes) - expected(charges[1:])
    assert isinstance(refused, Declined)
    assert is_refusal(refused.reason)
    assert "same parameters" in refused.reason
    assert server.journal()[charges[0].key][0] == charges[0].amount


def test_what_the_gateway_refuses_permanently_fails_alone_and_is_in_no_journal(server: GatewayServer) -> None:
    server.set_faults(rates={Fault.REFUSE: 0.4}, seed="refuse", first_requests=1)
    charges = some_charges(40)
    gateway = server.client()
    outcomes, left_open = stream(gateway, charges)
    refused = {one for one in outcomes if isinstance(one, Declined) and is_refusal(one.reason)}
    assert 0 < len(refused) < len(charges)
    assert left_open == 0
    assert set(outcomes) - refused == expected(charges) - {
        SIMULATED.outcome_of(one.charge) for one in refused
    }
    assert {one.reason for one in refused} == {
        "refused: 400 not_allowed: This account does not have permission for this."
    }
    assert not server.journal().keys() & {one.charge.key for one in refused}
    assert set(stream(gateway, charges)[0]) == set(outcomes)
    assert gateway.holds(next(iter(refused)))


def asked_before(charges: Sequence[Charge]) -> list[Charge]:
    return [charge._replace(asked_before=True) for charge in charges]


def test_a_gateway_that_forgot_all_keys_charges_nothing_twice(server: GatewayServer) -> None:
    charges = some_charges(30)
    first = {one.charge.key: one[1] for one in stream(server.client(), charges)[0]}
    server.set_faults(forget_keys_after=0)
    again, left_open = stream(server.client(), asked_before(charges))
    assert ({one.charge.key: one[1] for one in again}, left_open) == (first, 0)
    assert_journaled_once(server, charges)


def test_a_forgotten_key_can_make_another_charge(server: GatewayServer) -> None:
    first, second = some_charges(2)
    post(server, first)
    taken = {"json": request_of(second)["json"], "headers": request_of(first)["headers"]}
    assert httpx.post(f"{server.url}/v1/charges", **taken).json()["error"]["code"] == "idempotency_error"
    server.set_faults(forget_keys_after=0)
    assert httpx.post(f"{server.url}/v1/charges", **taken).status_code in (200, 402)
    assert {first.key, second.key} <= server.journal().keys()
    assert not httpx.get(f"{server.url}/v1/charges", params={"idempotency_key": first.key}).json()["data"]


def test_a_process_that_was_stopped_for_hours_looks_up_before_it_sends(
    server: GatewayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    charges = some_charges(10)
    stream(server.client(), charges)
    server.set_faults(forget_keys_after=0)
    monkeypatch.setattr(asking, "KEYS_ARE_KNOWN_SECONDS", -1)
    outcomes, _ = stream(server.client(), charges)
    assert set(outcomes) == expected(charges)
    assert_journaled_once(server, charges)


@pytest.mark.parametrize("held", [1, 3])
def test_money_that_another_attempt_took_is_adopted(server: GatewayServer, held: int) -> None:
    taken = next(one for one in some_charges(50) if paid_of([one._replace(key=f"{one.key[:-1]}{held}")]))
    taken = taken._replace(key=f"{taken.key[:-1]}{held}")
    (paid,), _ = stream(server.client(), [taken])
    retry = taken._replace(attempt=2, key=f"{taken.key[:-1]}2", asked_before=True)
    outcomes, _ = stream(server.client(), [retry])
    assert outcomes == [Paid(retry, paid[1])]
    assert retry.key not in server.journal()
    assert server.client().holds(outcomes[0])
    (refused,), _ = stream(server.client(), [retry._replace(amount=retry.amount + 1)])
    assert isinstance(refused, Declined)
    assert f"the gateway has {taken.amount} EUR for {taken.key} ({paid[1]}) already" in refused.reason


def some_refunds(server: GatewayServer, how_many: int) -> list[Refund]:
    """Refunds of half the amount of as many captured charges."""
    # Some are declined.
    outcomes, _ = stream(server.client(), some_charges(2 * how_many + 20))
    paid = [one for one in outcomes if isinstance(one, Paid)][:how_many]
    assert len(paid) == how_many
    return [
        Refund(n, refund_key(f"r{next(number)}", 1), one.transaction_id, one.charge.amount // 2, "EUR", False)
        for n, one in enumerate(paid)
    ]


def give_back(gateway: HttpGateway, refunds: Sequence[Refund]) -> tuple[list[RefundOutcome], int]:
    return outcomes_and_open(gateway.refund(refunds))


def expected_refunds(refunds: Sequence[Refund]) -> set[RefundOutcome]:
    return {SIMULATED.refund_outcome_of(refund) for refund in refunds}


def assert_refunded_once(server: GatewayServer, refunds: Sequence[Refund]) -> None:
    journal = server.refunds()
    for outcome in expected_refunds(refunds):
        transaction = outcome.transaction_id if isinstance(outcome, Refunded) else None
        refund = outcome.refund
        assert journal[refund.key] == (refund.amount, refund.currency, transaction)


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_of_the_first_request_changes_no_refund(server: GatewayServer, fault: Fault) -> None:
    refunds = some_refunds(server, 8)
    before = server.injected().get(fault, 0)
    server.set_faults(
        rates={fault: 1},
        first_requests=1,
        slow_seconds=0.1,
        late_seconds=1,
        hang_seconds=30,
        retry_after_seconds=0,
        forget_keys_after=0,
    )
    outcomes, left_open = give_back(server.client(timeout=1.0), refunds)
    assert (set(outcomes), len(outcomes), left_open) == (expected_refunds(refunds), 8, 0)
    assert_refunded_once(server, refunds)
    assert server.injected()[fault] > before


def some_held(server: GatewayServer, how_many: int) -> list[Authorized]:
    """As many authorized charges."""
    charges = [charge._replace(capture=False) for charge in some_charges(2 * how_many)]
    outcomes, _ = stream(server.client(), charges)
    held = [one for one in outcomes if isinstance(one, Authorized)][:how_many]
    assert len(held) == how_many
    return held


def capture_of(held: Authorized) -> Capture:
    charge = held.charge
    key = end_key(EndKind.CAPTURE, charge.key, 1)
    return Capture(charge.order_id, key, held.transaction_id, charge.amount, charge.currency)


def void_of(held: Authorized) -> Void:
    return Void(held.charge.order_id, end_key(EndKind.VOID, held.charge.key, 1), *capture_of(held)[2:])


@pytest.mark.parametrize("fault", [Fault.ERROR_AFTER, Fault.TIMEOUT_AFTER, Fault.LATE_SUCCESS])
def test_a_fault_of_the_first_request_changes_no_capture_and_no_void(
    server: GatewayServer, fault: Fault
) -> None:
    held = some_held(server, 8)
    server.set_faults(
        rates={fault: 1}, first_requests=1, late_seconds=1, hang_seconds=30, forget_keys_after=0
    )
    client = server.client(timeout=1.0)
    captures, voids = [capture_of(one) for one in held[:4]], [void_of(one) for one in held[4:]]
    captured, _ = outcomes_and_open(client.capture(captures))
    voided, _ = outcomes_and_open(client.void(voids))
    assert set(captured) == {SIMULATED.capture_outcome_of(one) for one in captures}
    assert set(voided) == {SIMULATED.void_outcome_of(one) for one in voids}
    assert server.ends(EndKind.CAPTURE).keys() >= {one.key for one in captures}
    assert server.ends(EndKind.VOID).keys() >= {one.key for one in voids}


def test_a_charge_is_captured_or_voided_but_never_both(server: GatewayServer) -> None:
    held = some_held(server, 6)
    both = asyncio.run(_captured_and_voided(server.client(), held))
    ends = [(isinstance(captured, Captured), isinstance(voided, Voided)) for captured, voided in both]
    assert all(captured + voided <= 1 for captured, voided in ends)
    refused = [one for pair in both for one in pair if not isinstance(one, Captured | Voided)]
    assert all(is_refusal(one.reason) or isinstance(one, CaptureDeclined) for one in refused)


async def _captured_and_voided(
    client: HttpGateway, held: Sequence[Authorized]
) -> list[tuple[CaptureOutcome, VoidOutcome]]:
    async def captured() -> dict[int, CaptureOutcome]:
        stream = client.capture([capture_of(one) for one in held])
        return {outcome.capture.order_id: outcome async for group in stream for outcome in group}

    async def voided() -> dict[int, VoidOutcome]:
        stream = client.void([void_of(one) for one in held])
        return {outcome.void.order_id: outcome async for group in stream for outcome in group}

    captures, voids = await asyncio.gather(captured(), voided())
    return [(captures[one.charge.order_id], voids[one.charge.order_id]) for one in held]


@pytest.mark.parametrize("change", [{"amount": 1}, {"currency": "USD"}, {"transaction_id": "txn_none"}])
def test_a_capture_of_another_amount_or_of_no_charge_is_refused(
    server: GatewayServer, change: dict[str, Any]
) -> None:
    (held,) = some_held(server, 1)
    (outcome,), _ = outcomes_and_open(server.client().capture([capture_of(held)._replace(**change)]))
    assert isinstance(outcome, CaptureDeclined)
    assert is_refusal(outcome.reason)
    assert server.client().holds(held)
    assert not server.client().holds(Paid(held.charge, held.transaction_id))


def test_refunds_that_are_open_are_found_later_though_their_keys_are_forgotten(server: GatewayServer) -> None:
    refunds = some_refunds(server, 12)
    server.set_faults(rates={Fault.LATE_SUCCESS: 1}, late_seconds=1, forget_keys_after=0)
    _, left_open = give_back(server.client(known_within=0.1), refunds)
    assert left_open == sum(isinstance(one, Refunded) for one in expected_refunds(refunds))
    again = [refund._replace(asked_before=True) for refund in refunds]
    outcomes, left_open = give_back(server.client(), again)
    assert (set(outcomes), left_open) == (expected_refunds(again), 0)
    assert_refunded_once(server, refunds)


def test_refunds_are_never_above_what_was_captured_also_at_the_same_time(server: GatewayServer) -> None:
    (half,) = some_refunds(server, 1)
    many = [half._replace(id=n, key=refund_key(f"r{next(number)}", 1)) for n in range(40)]
    outcomes, left_open = give_back(server.client(), many[:20])
    assert left_open == 0
    for refund in many[20:]:
        outcomes += give_back(server.client(), [refund])[0]
    assert len([one for one in outcomes if isinstance(one, Refunded)]) == 2
    last = outcomes[-1]
    assert isinstance(last, RefundFailed)
    assert f"Refund amount ({half.amount}) is greater than what is left of the charge" in last.reason


@pytest.mark.parametrize("change", [{"transaction_id": "txn_unknown"}, {"currency": "USD"}])
def test_a_refund_of_a_charge_that_does_not_exist_is_refused(
    server: GatewayServer, change: dict[str, str]
) -> None:
    (refund,) = some_refunds(server, 1)
    (outcome,), _ = give_back(server.client(), [refund._replace(**change)])
    assert isinstance(outcome, RefundFailed)
    assert "resource_missing: No such charge" in outcome.reason


def test_a_refund_that_failed_may_go_through_in_its_next_attempt(server: GatewayServer) -> None:
    failed = next(
        one for one in some_refunds(server, 30) if SIMULATED.refund_outcome_of(one)[1][:4] != "txn_"
    )
    (first,), _ = give_back(server.client(), [failed])
    assert isinstance(first, RefundFailed)
    later = [failed._replace(key=f"{failed.key[:-1]}{attempt}", asked_before=True) for attempt in range(2, 9)]
    outcomes = [give_back(server.client(), [one])[0][0] for one in later]
    done = [one.transaction_id for one in outcomes if isinstance(one, Refunded)]
    assert len(done) > 1
    assert len(set(done)) == 1


def test_a_repetition_gets_the_first_answer_even_if_that_was_an_error(server: GatewayServer) -> None:
    server.set_faults(rates={Fault.ERROR_AFTER: 1}, first_requests=1)
    charge = some_charges(1)[0]
    first, second = post(server, charge), post(server, charge)
    assert (first.status_code, second.status_code) == (500, 500)
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    shown = httpx.get(f"{server.url}/v1/charges", params={"idempotency_key": charge.key}).json()["data"]
    assert [one["status"] for one in shown] == ["succeeded" if paid_of([charge]) else "declined"]


def test_the_same_key_at_the_same_time_is_a_conflict_and_shown_as_pending(tmp_path: Path) -> None:
    charge = some_charges(1)[0]

    async def race(server: GatewayServer) -> tuple[list[int], str]:
        async with httpx.AsyncClient(base_url=server.url) as client:
            posts = [asyncio.create_task(client.post("/v1/charges", **request_of(charge))) for _ in range(2)]
            await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
            shown = (await client.get("/v1/charges", params={"idempotency_key": charge.key})).json()["data"]
            return sorted([(await one).status_code for one in posts]), shown[0]["status"]

    with running_gateway(tmp_path, delay=1.0) as server:
        statuses, shown = asyncio.run(race(server))
        assert (statuses, shown) == (sorted([200 if paid_of([charge]) else 402, 409]), "pending")
        assert_journaled_once(server, [charge])


def test_a_restarted_gateway_gives_the_same_answers(tmp_path: Path) -> None:
    charges = some_charges(6)
    with running_gateway(tmp_path) as server:
        before = [post(server, charge) for charge in charges]
        server.kill()
        server.start()
        after = [post(server, charge) for charge in charges]
    assert [one.json() for one in after] == [one.json() for one in before]
    assert {one.headers.get("Idempotent-Replayed") for one in after} == {"true"}


def test_a_gateway_killed_in_the_middle_and_started_again_charges_each_once(tmp_path: Path) -> None:
    charges = some_charges(400)
    known: set[Outcome] = set()

    async def try_once(server: GatewayServer, kill: bool) -> None:
        async for group in server.client(timeout=2.0).charge(
            [charge for charge in charges if SIMULATED.outcome_of(charge) not in known]
        ):
            known.update(group)
            if kill:
                server.kill()
                server.start()
                kill = False

    with running_gateway(tmp_path, delay=0.02) as server:
        for attempt in range(TRIES_OF_A_STEP):
            try:
                asyncio.run(try_once(server, kill=attempt == 0))
                break
            except ChargesOpenError:
                continue
        assert known == expected(charges)
        assert_journaled_once(server, charges)
        assert len(server.journal()) == len(charges)


def test_a_gateway_that_is_down_leaves_everything_open_for_the_next_try() -> None:
    charges = some_charges(3_000)
    gateway = HttpGateway(f"http://127.0.0.1:{free_port()}")
    assert stream(gateway, charges) == ([], 3_000)
    assert stream(gateway, asked_before(charges)) == ([], 3_000)
    with pytest.raises(ConnectionError, match="does not answer"):
        gateway.holds(SIMULATED.outcome_of(charges[0]))


def test_a_wrong_api_key_is_no_decline(tmp_path: Path) -> None:
    with running_gateway(tmp_path, api_key="right") as server:
        with pytest.raises(GatewayRefusedError, match="api_key_invalid"):
            stream(server.client(api_key="wrong"), some_charges(300))
        assert server.journal() == {}
        charges = some_charges(3)
        assert set(stream(server.client(), charges)[0]) == expected(charges)


def test_a_journal_serves_one_process(tmp_path: Path) -> None:
    with running_gateway(tmp_path) as server:
        command = [warm_orders(), "gateway", "--port", "0", "--folder", server.folder]
        second = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert "another gateway uses the journal" in " ".join(second.stderr.split())


def post(server: GatewayServer, charge: Charge) -> httpx.Response:
    return httpx.post(f"{server.url}/v1/charges", **request_of(charge))


def request_of(charge: Charge) -> dict[str, dict[str, object]]:
    body = {"amount": charge.amount, "currency": charge.currency, "reference": charge.key}
    return {"json": body, "headers": {"Idempotency-Key": charge.key}}
