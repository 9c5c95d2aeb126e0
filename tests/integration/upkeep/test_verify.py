"""`orders verify` passes after any import, and the right check fails when a row is changed by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import Connection, text

from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import GatewayUnavailableError, PaymentGateway
from orders_pipeline.store.engine import reading
from orders_pipeline.verify.check import Check
from orders_pipeline.verify.everything import verify_home, verify_orders
from orders_pipeline.verify.gateway_checks import GATEWAY_CHECKS, check_gateway
from orders_pipeline.verify.refund_gateway_checks import REFUND_CHECKS, check_refunds
from orders_pipeline.verify.store_checks import check_rows, store_checks
from tests.import_bench import ImportBench, Line, many_orders
from tests.made_up.changes_by_hand import BATCHES, CHANGES, CHARGES, TOTALS, Change
from tests.made_up.eventful_store import let_everything_happen
from tests.stores import create_migrated_database, open_test_engine

ALL_CHANGES = [
    pytest.param(change, id=f"{table}: {name}")
    for table, changes in CHANGES.items()
    for name, change in changes.items()
]


class Eventful(NamedTuple):
    """A store in which everything happened, and the ids concerned, by story."""

    bench: ImportBench
    ids: dict[str, int]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def eventful(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Eventful]:
    folder = tmp_path_factory.mktemp("eventful")
    url = f"sqlite:///{folder / 'orders.db'}"
    if request.param == "postgresql":
        url = create_migrated_database(request.getfixturevalue("postgres_server"), "verified")
    engine = open_test_engine(url)
    bench = ImportBench.at(engine, folder)
    yield Eventful(bench, let_everything_happen(bench))
    engine.dispose()


def broken(checks: list[Check]) -> dict[str, str]:
    """Details of the failed checks by name."""
    return {check.name: check.detail for check in checks if not check.ok}


def checked(connection: Connection, gateway: PaymentGateway, check: str) -> list[Check]:
    """The check of this name, with its related ones if it is one of the gateway's."""
    if check in GATEWAY_CHECKS:
        return check_gateway(connection, gateway, None)
    if check in REFUND_CHECKS:
        return check_refunds(connection, gateway, None)
    return check_rows(connection, [check])


def broken_after(eventful: Eventful, sql: str, check: str) -> dict[str, str]:
    """The result of this check after a change, which is then rolled back."""
    with eventful.bench.engine.connect() as connection, connection.begin() as transaction:
        for statement in sql.format(**eventful.ids).split(";"):
            assert connection.exec_driver_sql(statement).rowcount > 0, statement
        found = broken(checked(connection, eventful.bench.gateway, check))
        transaction.rollback()
    return found


def test_all_is_well_in_a_store_in_which_everything_happened(eventful: Eventful) -> None:
    checks = verify_orders(eventful.bench.engine, eventful.bench.gateway)
    assert broken(checks) == {}
    assert {check.name for check in checks} == store_checks().keys()


@pytest.mark.parametrize("change", ALL_CHANGES)
def test_a_row_changed_by_hand_is_found_by_the_check_of_its_kind(eventful: Eventful, change: Change) -> None:
    assert change.check in broken_after(eventful, change.sql, change.check)


def test_there_is_a_change_for_each_check() -> None:
    meant = {change.check for changes in CHANGES.values() for change in changes.values()}
    # Four checks of the gateway need its lists of charges and refunds; missing references need a SQLite store
    # that does not enforce them.
    assert store_checks().keys() - meant == {
        "captures_belong_to_completed_orders",
        "completed_orders_are_captured_once",
        "money_held_belongs_to_authorized_orders",
        "money_given_back_belongs_to_refunds",
        "references_are_whole",
    }


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM customers WHERE id = 'c1'",
        "DELETE FROM products WHERE sku = 'MOUSE'",
        "DELETE FROM orders WHERE status = 'failed'",
        "DELETE FROM sources",
    ],
)
def test_rows_that_a_sqlite_shell_left_without_their_parent_are_found(
    eventful: Eventful, statement: str, tmp_path: Path
) -> None:
    engine = eventful.bench.engine
    if engine.dialect.name == "postgresql":
        pytest.skip("PostgreSQL looks after references itself")
    copy = tmp_path / "orders.db"
    with sqlite3.connect(str(engine.url.database)) as source, sqlite3.connect(copy) as target:
        source.backup(target)
        target.execute(statement)
    copied = open_test_engine(f"sqlite:///{copy}")
    with reading(copied) as connection:
        assert "references_are_whole" in broken(check_rows(connection))
    copied.dispose()


def test_the_page_of_verify_names_each_check() -> None:
    page = (PROJECT_ROOT / "docs" / "verify.md").read_text()
    assert [name for name in store_checks() if f"`{name}`" not in page] == []


def test_all_is_well_in_an_empty_home_and_while_an_import_is_half_done(bench: ImportBench) -> None:
    assert bench.broken_checks() == set()
    key = bench.parsed(*many_orders(5), Line("bad", quantity=0))
    for name in ("load", "reserve", "charge", "finalize"):
        bench.step(name, key)
        assert bench.broken_checks() == set()
    assert len(verify_home(bench.engine, bench.settings)) > len(store_checks())


def test_a_check_that_cannot_run_fails_with_its_reason_and_the_others_go_on(eventful: Eventful) -> None:
    with eventful.bench.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text("ALTER TABLE batches RENAME TO gone"))
        checks = {check.name: check for check in check_rows(connection)}
        transaction.rollback()
    assert checks[BATCHES].detail.startswith("could not run: ")
    assert "batches" in checks[BATCHES].detail
    assert checks[CHARGES].ok
    assert checks[TOTALS].ok


def test_a_gateway_that_does_not_answer_fails_its_own_checks_alone(eventful: Eventful) -> None:
    class Silent(SimulatedGateway):
        def journal(self) -> None:
            raise GatewayUnavailableError("it does not answer")

        refund_journal = journal

    checks = verify_orders(eventful.bench.engine, Silent(seed="1"))
    of_gateway = GATEWAY_CHECKS.keys() | REFUND_CHECKS.keys()
    assert broken(checks) == dict.fromkeys(of_gateway, "could not run: it does not answer")


def test_a_broken_check_tells_where(eventful: Eventful) -> None:
    found = broken_after(eventful, "UPDATE orders SET total = total + 1 WHERE number = 'n0'", TOTALS)
    assert found[TOTALS].startswith("violated, for example: number n0, ")
