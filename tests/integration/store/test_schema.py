"""The migrations create the tables that the code describes, with all constraints, indexes and options."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.migrate import ensure_current
from orders_pipeline.store.revisions import OURS, current_revision
from orders_pipeline.store.schema import metadata
from tests.described_schema import described
from tests.import_bench import ImportBench, Line


def made_by_migrations(url: str) -> dict[str, Any]:
    engine = open_engine(url)
    ensure_current(engine)
    try:
        return described(engine)
    finally:
        engine.dispose()


def made_by_metadata(url: str) -> dict[str, Any]:
    engine = create_engine(url)
    metadata.create_all(engine)
    try:
        return described(engine)
    finally:
        engine.dispose()


def test_migrations_and_metadata_make_the_same_sqlite_tables(tmp_path: Any) -> None:
    migrated = made_by_migrations(f"sqlite:///{tmp_path / 'migrated.db'}")
    assert migrated == made_by_metadata(f"sqlite:///{tmp_path / 'created.db'}")


def test_migrations_and_metadata_make_the_same_postgresql_tables(postgres_url: str) -> None:
    migrated = made_by_migrations(postgres_url)
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    assert migrated == made_by_metadata(postgres_url)


def test_the_newest_migration_is_the_one_that_the_code_asks_for() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(OURS.folder))
    assert ScriptDirectory.from_config(config).get_current_head() == OURS.head


def test_migrations_can_be_undone(new_store_url: str) -> None:
    from alembic import command
    from alembic.config import Config

    engine = open_engine(new_store_url)
    ensure_current(engine)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(OURS.folder))
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    engine.dispose()


def test_many_processes_may_open_a_new_store_at_once(new_store_url: str) -> None:
    errors: list[Exception] = []
    openers = [Thread(target=_open, args=(new_store_url, errors)) for _ in range(8)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join()
    assert errors == []
    engine = open_engine(new_store_url)
    with engine.connect() as connection:
        assert current_revision(connection) == OURS.head
        assert connection.execute(text("SELECT COUNT(*) FROM home")).scalar() == 1
    engine.dispose()


def _open(url: str, errors: list[Exception]) -> None:
    engine = open_engine(url)
    try:
        ensure_current(engine)
    except Exception as error:  # noqa: BLE001 asserted by the test
        errors.append(error)
    finally:
        engine.dispose()


FORBIDDEN = {
    "stock below zero": "UPDATE products SET on_hand = -1, sold = sold + on_hand + 1",
    "units from nowhere": "UPDATE products SET on_hand = on_hand + 1",
    "an unknown status": "UPDATE orders SET status = 'paid'",
    "a negative total": "UPDATE orders SET total = -1",
    "a line of an unknown product": "UPDATE order_lines SET product_id = 999",
    "a line without units": "UPDATE order_lines SET quantity = 0",
    "a success without a transaction": "UPDATE payments SET transaction_id = NULL",
    "a decline without a reason": "UPDATE payments SET status = 'declined', transaction_id = NULL",
    "a held reservation that was closed": "UPDATE reservations SET status = 'held'",
    "a second order of the same number": "UPDATE orders SET number = 'one'",
    "a charge without a reservation": "UPDATE payments SET attempt = 2",
    "a customer that is not there": "UPDATE orders SET customer_id = 'nobody'",
    "a negative count": "UPDATE batches SET pending = -1",
    "a second home": "UPDATE home SET id = 2",
}


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_the_store_refuses_rows_that_can_never_be_right(bench: ImportBench, statement: str) -> None:
    bench.import_lines(Line("one"), Line("two"))
    with bench.engine.begin() as connection, pytest.raises(IntegrityError):
        _execute(connection, statement)


def _execute(connection: Connection, statement: str) -> None:
    with connection.begin_nested():
        connection.execute(text(statement))
