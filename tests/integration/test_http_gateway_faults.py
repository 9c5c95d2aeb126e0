"""Whatever goes wrong on the way to the gateway: each charge happens once, and no doubt is a decline."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import httpx
import pytest

from orders_pipeline.payments.backends.http.gateway import HttpGateway
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import (
    Charge,
    ChargeRefusedError,
    ChargesOpenError,
    GatewayUnavailableError,
    Outcome,
    Paid,
)
from orders_pipeline.payments.simulator.faults import Fault
from tests.gateway_server import ORDERS, SEED, SUCCESS_RATE, GatewayServer, running_gateway
from tests.raw_server import answering
from tests.services import free_port

SIMULATED = SimulatedGateway(SEED, SUCCESS_RATE, delay_min=0, delay_max=0)
TRIES_OF_A_STEP = 10
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
    """The outcomes that came, and how many charges are open at the end."""
    outcomes: list[Outcome] = []

    async def collect() -> int:
        try:
            async for group in gateway.charge(charges):
                outcomes.extend(group)
        except ChargesOpenError as error:
            return error.open_charges
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


@pytest.mark.parametrize("fault", Fault)
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
        with pytest.raises(GatewayUnavailableError, match="larger than 16 MiB"):
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
    outcomes: list[Outcome] = []

    async def collect() -> None:
        async for group in server.client().charge(changed):
            outcomes.extend(group)

    with pytest.raises(ChargeRefusedError, match="same parameters"):
        asyncio.run(collect())
    assert set(outcomes) == expected(charges[1:])
    assert server.journal()[charges[0].key][0] == charges[0].amount


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
    with pytest.raises(ConnectionError, match="does not answer"):
        gateway.holds(SIMULATED.outcome_of(charges[0]))


def test_a_wrong_api_key_is_no_decline(tmp_path: Path) -> None:
    with running_gateway(tmp_path, api_key="right") as server:
        with pytest.raises(ChargeRefusedError, match="api_key_invalid"):
            stream(server.client(api_key="wrong"), some_charges(300))
        assert server.journal() == {}
        charges = some_charges(3)
        assert set(stream(server.client(), charges)[0]) == expected(charges)


def test_a_journal_serves_one_process(tmp_path: Path) -> None:
    with running_gateway(tmp_path) as server:
        command = [ORDERS, "gateway", "--port", "0", "--folder", server.folder]
        second = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert "another gateway uses the journal" in " ".join(second.stderr.split())


def post(server: GatewayServer, charge: Charge) -> httpx.Response:
    return httpx.post(f"{server.url}/v1/charges", **request_of(charge))


def request_of(charge: Charge) -> dict[str, dict[str, object]]:
    body = {"amount": charge.amount, "currency": charge.currency, "reference": charge.key}
    return {"json": body, "headers": {"Idempotency-Key": charge.key}}
