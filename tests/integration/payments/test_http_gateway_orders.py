"""Imports that pay over HTTP: orders, payments and the gateway's journal agree, or `verify` reports it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, update

from orders_pipeline.base.model import PaymentMethod
from orders_pipeline.base.settings import SettingsError
from orders_pipeline.payments.connect import connect_gateway
from orders_pipeline.payments.gateway import Charge, ChargesOpenError, Paid, PaymentGateway, idempotency_key
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import orders, payments, sources
from orders_pipeline.verify.everything import verify_home
from orders_pipeline.verify.gateway_checks import GATEWAY_CHECKS
from orders_pipeline.verify.refund_gateway_checks import REFUND_CHECKS
from tests.capture_bench import CaptureBench
from tests.import_bench import ImportBench, Line, many_orders
from tests.servers.gateway_server import GatewayServer, running_gateway
from tests.sweeps import cases

ORDERS = min(cases(500), 10_000)
TRIES_OF_THE_STEP = 10
CAPTURED_ONCE = "completed_orders_are_captured_once"
BELONG = "captures_belong_to_completed_orders"
AGREES = "gateway_agrees_with_payments"
HELD = "money_held_belongs_to_authorized_orders"
# The values in the statements below.
FIRST = {
    "PAID": "(SELECT MIN(number) FROM charges WHERE transaction_id IS NOT NULL)",
    "DECLINED": "(SELECT MIN(number) FROM charges WHERE decline_reason IS NOT NULL)",
    "NEW": "INSERT INTO charges SELECT NULL",
}

CHANGES = {
    "another amount captured": (
        "UPDATE charges SET amount = amount + 1 WHERE number = PAID",
        {CAPTURED_ONCE, AGREES},
    ),
    "another currency captured": (
        "UPDATE charges SET currency = 'EUR' WHERE number = PAID",
        {CAPTURED_ONCE, AGREES},
    ),
    "another transaction": ("UPDATE charges SET transaction_id = 'txn_1' WHERE number = PAID", {AGREES}),
    "a lost capture": ("DELETE FROM charges WHERE number = PAID", {CAPTURED_ONCE, AGREES}),
    "a lost decline": ("DELETE FROM charges WHERE number = DECLINED", {AGREES}),
    "a declined order captured": (
        "UPDATE charges SET transaction_id = 'txn_2', decline_reason = NULL, first_answer = 200 "
        "WHERE number = DECLINED",
        {BELONG, AGREES},
    ),
    "a capture for an order that nobody knows": (
        "NEW, 'default/none/1', 'default/none/1', 1, 'USD', 'txn_3', NULL, 200, 0, 0",
        {BELONG},
    ),
    "a second capture of the same order": (
        "NEW, 'again', reference, amount, currency, 'txn_4', NULL, 200, 0, 0 FROM charges"
        " WHERE number = PAID",
        {CAPTURED_ONCE},
    ),
    "money held for an order that nobody knows": (
        "NEW, 'default/none/1', 'default/none/1', 1, 'USD', 'txn_6', NULL, 200, 0, 1",
        {HELD},
    ),
    "money of a completed order that is only held": (
        "UPDATE charges SET held = 1 WHERE number = PAID",
        {CAPTURED_ONCE, HELD, AGREES},
    ),
    "a capture of an attempt that was never made": (
        "NEW, 'default/n0/2', 'default/n0/2', 1000, 'USD', 'txn_5', NULL, 200, 0, 0",
        {CAPTURED_ONCE},
    ),
}


def bench_at(folder: Path, server: GatewayServer) -> ImportBench:
    bench = ImportBench.at(open_engine(f"sqlite:///{folder / 'orders.db'}"), folder)
    bench.set(payment_url=server.url, payment_timeout=2.0, payment_known_within=20.0)
    return bench


def amount_of(number: int) -> str:
    return str(Decimal(100 + number) / 100)


def test_a_thousand_orders_with_faults_are_captured_once_to_the_cent(tmp_path: Path) -> None:
    options = ("--fault", "all=0.2", "--fault-seed", "seven", "--slow-seconds", "0.2", "--late-seconds", "1")
    with running_gateway(tmp_path / "gateway", *options, "--retry-after", "0") as server:
        bench = bench_at(tmp_path, server)
        key = bench.parsed(*(Line(f"n{n}", price=amount_of(n)) for n in range(ORDERS)))
        bench.up_to("reserve", key)
        charge_until_known(bench, key)
        for step in ("finalize", "roll_back"):
            bench.step(step, key)
        assert bench.steps.finish(key).statuses["failed"] == 0
        assert bench.broken_checks() == set()
        captured = {
            reference: amount
            for reference, (amount, _, transaction) in server.journal().items()
            if transaction
        }
        assert sum(server.injected().values()) > ORDERS * 0.18
        bench.engine.dispose()
    expected = {
        idempotency_key("default", number, 1): 100 + int(number[1:])
        for number, status in bench.statuses().items()
        if status == "completed"
    }
    assert captured == expected
    assert captured == paid_amounts(bench)
    bench.engine.dispose()


def charge_until_known(bench: ImportBench, key: str) -> None:
    for _ in range(TRIES_OF_THE_STEP):
        try:
            bench.step("charge", key)
            return
        except ChargesOpenError:
            assert "completed" not in bench.statuses().values()
    pytest.fail("some charges stay open")


def paid_amounts(bench: ImportBench) -> dict[str, int]:
    query = (
        select(sources.c.name, orders.c.number, payments.c.attempt, payments.c.amount)
        .join_from(payments, orders, payments.c.order_id == orders.c.id)
        .join(sources, sources.c.id == orders.c.source_id)
        .where(payments.c.status == "succeeded")
    )
    with reading(bench.engine) as connection:
        return {idempotency_key(*row[:3]): row[3] for row in connection.execute(query)}


@pytest.fixture(scope="module")
def paid_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ImportBench, GatewayServer]]:
    folder = tmp_path_factory.mktemp("home")
    with running_gateway(folder / "gateway") as server:
        bench = bench_at(folder, server)
        bench.import_lines(*many_orders(40))
        yield bench, server
        bench.engine.dispose()


def test_all_three_agree_after_an_import(paid_home: tuple[ImportBench, GatewayServer]) -> None:
    bench, server = paid_home
    assert set(bench.statuses().values()) == {"completed", "rollback"}
    assert len(server.journal()) == 40
    assert bench.broken_checks() == set()


@pytest.mark.parametrize("change", CHANGES)
def test_a_journal_that_says_otherwise_is_found(
    paid_home: tuple[ImportBench, GatewayServer], change: str
) -> None:
    bench, server = paid_home
    statement, checks = CHANGES[change]
    for name, meaning in FIRST.items():
        statement = statement.replace(name, meaning)
    with closing(sqlite3.connect(server.folder / "journal.db", timeout=30)) as journal:
        before = journal.execute("SELECT * FROM charges").fetchall()
        with journal:
            assert journal.execute(statement).rowcount == 1
        try:
            assert bench.broken_checks() == checks
        finally:
            with journal:
                journal.execute("DELETE FROM charges")
                journal.executemany("INSERT INTO charges VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", before)


def test_only_payments_of_a_gateway_tie_a_store_to_it(lone_bench: ImportBench) -> None:
    lone_bench.stock(MOUSE=10)
    lone_bench.import_lines(Line("1"))
    over_http = lone_bench.settings.model_copy(update={"payment_url": "https://pay.example.com"})
    with pytest.raises(SettingsError, match="were simulated"):
        connect_gateway(over_http, lone_bench.engine)
    with lone_bench.engine.begin() as connection:
        connection.execute(update(payments).values(method=PaymentMethod.RECORDED))
    connect_gateway(over_http, lone_bench.engine)


def test_a_charge_whose_answer_is_not_saved_yet_breaks_nothing(tmp_path: Path) -> None:
    with running_gateway(tmp_path / "gateway", "--fault", "late_success=1", "--late-seconds", "1") as server:
        bench = bench_at(tmp_path, server)
        key = bench.parsed(*many_orders(30))
        bench.up_to("reserve", key)
        bench.set(payment_known_within=0.1)
        with pytest.raises(ChargesOpenError):
            bench.step("charge", key)
        assert bench.broken_checks() == set()
        assert set(bench.statuses().values()) == {"payment_processing"}
        bench.set(payment_known_within=20.0)
        bench.settle(key)
        assert set(bench.statuses().values()) == {"completed", "rollback"}
        assert bench.broken_checks() == set()
        bench.engine.dispose()


def test_verify_says_when_the_gateway_does_not_answer(tmp_path: Path) -> None:
    with running_gateway(tmp_path / "gateway") as server:
        bench = bench_at(tmp_path, server)
    checks = {check.name: check for check in verify_home(bench.engine, bench.settings)}
    of_gateway = GATEWAY_CHECKS.keys() | REFUND_CHECKS.keys()
    assert {name for name, check in checks.items() if not check.ok} == of_gateway
    assert "does not answer" in checks[AGREES].detail
    bench.engine.dispose()


def test_a_charge_that_the_gateway_refuses_permanently_is_rolled_back_and_the_others_are_finalized(
    tmp_path: Path,
) -> None:
    with running_gateway(tmp_path / "gateway", "--fault", "refuse=0.3", "--fault-seed", "no") as server:
        bench = bench_at(tmp_path, server)
        key = bench.import_lines(*many_orders(30)).partition
        assert set(bench.statuses().values()) == {"completed", "rollback"}
        assert bench.broken_checks() == set()
        refused = {
            row[0]: row for row in bench.rows("failures") if row[3].startswith("refused: 400 not_allowed")
        }
        assert 0 < len(refused) < 30
        assert {row[2] for row in refused.values()} == {"declined"}
        server.set_faults()
        again = [number for number, status in bench.statuses().items() if status == "rollback"]
        bench.retry(*again)
        bench.settle(key)
        assert {bench.statuses()[number] for number in again} >= {"completed"}
        assert bench.broken_checks() == set()
        bench.engine.dispose()


def test_a_day_later_a_gateway_that_forgot_its_keys_captures_nothing_again(tmp_path: Path) -> None:
    with running_gateway(tmp_path / "gateway") as server:
        bench = bench_at(tmp_path, server)
        key = bench.parsed(*many_orders(30))
        bench.up_to("reserve", key)
        # Like a process that is killed before it saves an answer.
        charged = asyncio.run(charge(bench.gateway, bench.steps.request_payments(key, 1)[:20]))
        assert set(bench.statuses().values()) == {"payment_processing"}
        server.set_faults(forget_keys_after=0)
        bench.settle(key)
        assert len(server.journal()) == 30
        assert charged.items() <= paid_transactions(bench).items()
        assert bench.broken_checks() == set()
        bench.engine.dispose()


async def charge(gateway: PaymentGateway, charges: Sequence[Charge]) -> dict[int, str]:
    """The transaction of each paid order."""
    groups = [group async for group in gateway.charge(charges)]
    outcomes = [outcome for group in groups for outcome in group]
    return {one.charge.order_id: one.transaction_id for one in outcomes if isinstance(one, Paid)}


def paid_transactions(bench: ImportBench) -> dict[int, str]:
    query = select(payments.c.order_id, payments.c.transaction_id).where(payments.c.status == "succeeded")
    with reading(bench.engine) as connection:
        return dict(connection.execute(query).all())


def test_orders_that_are_captured_later_agree_with_the_journal_whatever_goes_wrong(tmp_path: Path) -> None:
    options = (
        "--fault",
        "all=0.2",
        "--fault-seed",
        "seven",
        "--slow-seconds",
        "0.1",
        "--late-seconds",
        "0.5",
    )
    with running_gateway(
        tmp_path / "gateway", *options, "--retry-after", "0", "--forget-keys", "0"
    ) as server:
        bench = bench_at(tmp_path, server)
        captures = CaptureBench.on(bench)
        key = bench.parsed(*many_orders(60))
        bench.up_to("reserve", key)
        charge_until_known(bench, key)
        for step in ("finalize", "roll_back"):
            bench.step(step, key)
        bench.steps.finish(key)
        assert bench.broken_checks() == set()
        held = [number for number, status in bench.statuses().items() if status == "authorized"]
        captures.capture(*held[:20])
        captures.cancel(*held[20:30])
        while captures.settle():
            assert bench.broken_checks() == set()
        ends = captures.statuses()
        assert (ends["captured"] + ends["declined"], ends["voided"], ends["open"]) == (20, 10, len(held) - 30)
        assert ends["declined"] > 0
        assert bench.broken_checks() == set()
        server.set_faults()
        for again in bench.retry(*held[20:30]):
            bench.settle(again)
        assert bench.broken_checks() == set()
        bench.engine.dispose()


def test_what_was_captured_at_the_gateway_by_hand_completes_its_order(tmp_path: Path) -> None:
    with running_gateway(tmp_path / "gateway") as server:
        bench = bench_at(tmp_path, server)
        captures = CaptureBench.on(bench)
        bench.import_lines(*many_orders(10))
        first, second = [number for number, status in bench.statuses().items() if status == "authorized"][:2]
        with closing(sqlite3.connect(server.folder / "journal.db")) as journal, journal:
            for number, table in ((first, "captures"), (second, "voids")):
                journal.execute(
                    f"INSERT INTO {table} SELECT NULL, 'by hand', 'by hand', amount, currency,"  # noqa: S608
                    f" 'txn_{table}', NULL, 200, 0, transaction_id, NULL FROM charges WHERE reference = ?",
                    (idempotency_key("default", number, 1),),
                )
        captures.cancel(first)
        captures.capture(second)
        captures.settle()
        assert (bench.statuses()[first], bench.statuses()[second]) == ("completed", "rollback")
        assert bench.broken_checks() == set()
        bench.engine.dispose()
