"""`orders verify`: green after any import, red with the right check named when a row is changed by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import GatewayUnavailableError
from orders_pipeline.store.engine import open_engine
from orders_pipeline.verify.everything import verify_home, verify_orders
from orders_pipeline.verify.gateway_checks import GATEWAY_CHECKS, check_gateway
from orders_pipeline.verify.store_checks import check_rows
from tests.import_bench import ImportBench, Line, many_orders

STATUSES = "statuses_agree_with_reservations_and_payments"
CHARGES = "completed_orders_are_charged_once"
STOCK = "stock_is_conserved"
BATCHES = "batch_counts_are_right"
TOTALS = "order_totals_are_sums_of_lines"
CUSTOMERS = "customer_totals_are_right"
PRODUCTS = "product_totals_are_right"
GATEWAY = "gateway_agrees_with_payments"
RECORDS = "every_record_is_accounted_for"
STORED = "accepted_lines_are_in_the_store"
SETTLED = "finished_imports_are_settled"

# What stands in the statements below for the first order of a status.
FIRST = {
    "COMPLETED": "(SELECT MIN(id) FROM orders WHERE status = 'completed')",
    "DECLINED": "(SELECT MIN(id) FROM orders WHERE status = 'rollback')",
    "FAILED": "(SELECT MIN(id) FROM orders WHERE status = 'failed')",
}

CHANGES = {
    "a completed order set back": (
        "UPDATE orders SET status = 'pending' WHERE id = COMPLETED",
        STATUSES,
    ),
    "a completed order left open": (
        "UPDATE orders SET status = 'pending' WHERE id = COMPLETED",
        SETTLED,
    ),
    "a completed order miscounted": (
        "UPDATE orders SET status = 'failed' WHERE id = COMPLETED",
        BATCHES,
    ),
    "a declined order completed": (
        "UPDATE orders SET status = 'completed' WHERE id = DECLINED",
        CHARGES,
    ),
    "a failed order rolled back": ("UPDATE orders SET status = 'rollback' WHERE id = FAILED", STATUSES),
    "another attempt": ("UPDATE orders SET attempt = 2 WHERE id = COMPLETED", STATUSES),
    "another total": ("UPDATE orders SET total = total + 1 WHERE id = COMPLETED", TOTALS),
    "another total than charged": ("UPDATE orders SET total = total + 1 WHERE id = COMPLETED", CHARGES),
    "another total of a failed order": ("UPDATE orders SET total = total - 1 WHERE id = FAILED", TOTALS),
    "another number": ("UPDATE orders SET number = 'other' WHERE id = COMPLETED", GATEWAY),
    "another customer": ("UPDATE orders SET customer_id = 'c2' WHERE id = COMPLETED", CUSTOMERS),
    "another currency": ("UPDATE orders SET currency = 'EUR' WHERE id = COMPLETED", PRODUCTS),
    "another line total": (
        "UPDATE order_lines SET total = total + 100 WHERE order_id = COMPLETED",
        TOTALS,
    ),
    "other units": ("UPDATE order_lines SET quantity = 9 WHERE order_id = COMPLETED", STOCK),
    "other units than totalled": (
        "UPDATE order_lines SET quantity = 9 WHERE order_id = COMPLETED",
        PRODUCTS,
    ),
    "a lost line": ("DELETE FROM order_lines WHERE order_id = FAILED", STORED),
    "an order without lines": ("DELETE FROM order_lines WHERE order_id = FAILED", TOTALS),
    "units sold twice": (
        "UPDATE products SET sold = sold + 1, on_hand = on_hand - 1 WHERE sku = 'CABLE'",
        STOCK,
    ),
    "units still reserved": (
        "UPDATE products SET reserved = 1, on_hand = on_hand - 1 WHERE sku = 'CABLE'",
        STOCK,
    ),
    "another amount charged": (
        "UPDATE payments SET amount = amount + 1 WHERE order_id = COMPLETED",
        CHARGES,
    ),
    "another amount declined": (
        "UPDATE payments SET amount = amount + 1 WHERE order_id = DECLINED",
        CHARGES,
    ),
    "another transaction": (
        "UPDATE payments SET transaction_id = 'txn_1' WHERE order_id = COMPLETED",
        GATEWAY,
    ),
    "one transaction of two charges": (
        "UPDATE payments SET transaction_id = 'txn_1' WHERE status = 'succeeded'",
        "transactions_are_used_once",
    ),
    "a decline made a success": (
        "UPDATE payments SET status = 'succeeded', transaction_id = 'txn_1', decline_reason = NULL "
        "WHERE order_id = DECLINED",
        CHARGES,
    ),
    "a success made a decline": (
        "UPDATE payments SET status = 'declined', transaction_id = NULL, decline_reason = 'expired_card' "
        "WHERE order_id = COMPLETED",
        STATUSES,
    ),
    "an answer forgotten": (
        "UPDATE payments SET status = 'processing', decline_reason = NULL, answered_at = NULL "
        "WHERE order_id = DECLINED",
        STATUSES,
    ),
    "a lost payment": ("DELETE FROM payments WHERE order_id = COMPLETED", CHARGES),
    "a lost decline": ("DELETE FROM payments WHERE order_id = DECLINED", STATUSES),
    "a released reservation": (
        "UPDATE reservations SET status = 'released' WHERE order_id = COMPLETED",
        STATUSES,
    ),
    "a reservation still held": (
        "UPDATE reservations SET status = 'held', closed_at = NULL WHERE order_id = DECLINED",
        STATUSES,
    ),
    "a reservation of an attempt that never was": (
        "INSERT INTO reservations (order_id, attempt, status, reserved_at, expires_at) "
        "VALUES (COMPLETED, 2, 'held', 1, 1)",
        STATUSES,
    ),
    "a lost failure": ("DELETE FROM failures WHERE order_id = FAILED", STATUSES),
    "another reason": ("UPDATE failures SET reason = 'declined' WHERE order_id = FAILED", STATUSES),
    "another reason of the gateway": (
        "UPDATE failures SET detail = 'x' WHERE order_id = DECLINED",
        STATUSES,
    ),
    "a batch count": ("UPDATE batches SET completed = completed + 1", BATCHES),
    "a count of duplicates": ("UPDATE batches SET duplicate_orders = duplicate_orders + 1", BATCHES),
    "accepted lines": ("UPDATE batches SET accepted_lines = accepted_lines + 1", RECORDS),
    "accepted lines of another file": ("UPDATE batches SET accepted_lines = accepted_lines - 1", STORED),
    "duplicate lines": ("UPDATE batches SET duplicate_lines = duplicate_lines + 1", RECORDS),
    "records": ("UPDATE imports SET records = records + 1", RECORDS),
    "left out lines": ("UPDATE imports SET left_out_lines = left_out_lines + 1", RECORDS),
    "repeated lines": ("UPDATE imports SET repeated_lines = repeated_lines + 1", RECORDS),
    "rejected lines": ("UPDATE imports SET rejected_lines = rejected_lines + 1", RECORDS),
    "rejected lines of one order": (
        "UPDATE imports SET rejected_lines = rejected_lines - 1, "
        "lines_of_rejected_orders = lines_of_rejected_orders + 1 WHERE rejected_lines > 0",
        STORED,
    ),
    "a lost reject": ("DELETE FROM rejects WHERE code = 'quantity_not_positive'", STORED),
    "a lost conflict": ("DELETE FROM rejects WHERE code = 'order_conflict'", STORED),
    "a reject made a good line": ("UPDATE rejects SET code = 'order_rejected'", STORED),
    "what a customer spent": ("UPDATE customer_totals SET spent = spent + 1", CUSTOMERS),
    "a customer's orders": ("UPDATE customer_totals SET orders = orders - 1", CUSTOMERS),
    "a lost customer total": ("DELETE FROM customer_totals", CUSTOMERS),
    "a product's units": ("UPDATE product_totals SET units = units + 1", PRODUCTS),
    "a product's revenue": ("UPDATE product_totals SET revenue = revenue + 1", PRODUCTS),
    "a lost product total": ("DELETE FROM product_totals", PRODUCTS),
    "an unloaded order": ("UPDATE batches SET loaded = loaded - 1", BATCHES),
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def used(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImportBench]:
    """A home in which everything happened: sales, declines, failures, rejects, duplicates and conflicts."""
    folder = tmp_path_factory.mktemp("used")
    url = f"sqlite:///{folder / 'orders.db'}"
    if request.param == "postgresql":
        url = new_database(request.getfixturevalue("postgres_server"))
    engine = open_engine(url)
    bench = ImportBench.at(engine, folder)
    bench.set(payment_success_rate=0.5)
    bench.stock(MOUSE=100, CABLE=2, GONE=0)
    lines = [*many_orders(20), Line("a", "CABLE", customer="c2"), Line("a", "MOUSE", 2, "0.3333", "c2")]
    bench.import_lines(
        *lines, Line("g", "GONE"), Line("bad", quantity=0), Line("bad"), Line("e", currency="EUR")
    )
    bench.import_lines(*lines[:3], Line("n4", quantity=2), Line("n4", "CABLE"), name="second.csv")
    bench.import_lines(Line("none", quantity=-1), name="nothing-good.csv")
    yield bench
    engine.dispose()


def new_database(server: str) -> str:
    """URL of a database that lives as long as the server of this session."""
    admin = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE verified"))
    admin.dispose()
    return f"{server}/verified"


def broken_after(used: ImportBench, statement: str) -> dict[str, str]:
    """Details of the broken checks by name, as they would be after a change that is then taken back."""
    for name, first in FIRST.items():
        statement = statement.replace(name, first)
    with used.engine.connect() as connection, connection.begin() as transaction:
        assert connection.execute(text(statement)).rowcount > 0
        checks = [*check_rows(connection), *check_gateway(connection, used.gateway, None)]
        transaction.rollback()
    return {check.name: check.detail for check in checks if not check.ok}


def test_all_is_well_after_imports_of_every_outcome(used: ImportBench) -> None:
    assert set(used.statuses().values()) == {"completed", "rollback", "failed"}
    checks = verify_home(used.engine, used.settings)
    assert [(check.name, check.detail) for check in checks if not check.ok] == []
    assert {
        STATUSES,
        CHARGES,
        STOCK,
        BATCHES,
        TOTALS,
        CUSTOMERS,
        PRODUCTS,
        GATEWAY,
        RECORDS,
        STORED,
        SETTLED,
    } <= {check.name for check in checks}


def test_all_is_well_in_an_empty_home_and_while_an_import_stands_half_way(bench: ImportBench) -> None:
    assert bench.broken_checks() == set()
    key = bench.parsed(*many_orders(5), Line("bad", quantity=0))
    for name in ("load", "reserve", "charge", "finalize"):
        bench.step(name, key)
        assert bench.broken_checks() == set()


@pytest.mark.parametrize(("statement", "check"), CHANGES.values(), ids=CHANGES.keys())
def test_a_row_changed_by_hand_is_found_by_the_check_of_its_kind(
    used: ImportBench, statement: str, check: str
) -> None:
    assert check in broken_after(used, statement)


def test_a_check_that_cannot_run_fails_with_its_reason_and_the_others_go_on(used: ImportBench) -> None:
    with used.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text("ALTER TABLE batches RENAME TO gone"))
        checks = {check.name: check for check in check_rows(connection)}
        transaction.rollback()
    assert checks[BATCHES].detail.startswith("could not run: ")
    assert "batches" in checks[BATCHES].detail
    assert checks[CHARGES].ok
    assert checks[TOTALS].ok


def test_a_gateway_that_does_not_answer_fails_its_own_checks_alone(used: ImportBench) -> None:
    class Silent(SimulatedGateway):
        def journal(self) -> None:
            raise GatewayUnavailableError("it does not answer")

    checks = verify_orders(used.engine, Silent(seed="1"))
    assert {check.name: check.detail for check in checks if not check.ok} == dict.fromkeys(
        GATEWAY_CHECKS, "could not run: it does not answer"
    )


def test_a_broken_check_tells_where(used: ImportBench) -> None:
    broken = broken_after(used, "UPDATE orders SET total = total + 1 WHERE number = 'n0'")
    assert broken[TOTALS].startswith("violated, for example: number n0, ")
