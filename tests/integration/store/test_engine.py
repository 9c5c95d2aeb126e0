"""What the engines guarantee: errors without customer data, snapshots, and writers that wait in turn."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import column, literal, select, table, text
from sqlalchemy.exc import DBAPIError

from orders_pipeline.store import engine as engine_module
from orders_pipeline.store.compiled import STATEMENTS
from orders_pipeline.store.engine import open_engine, reading
from tests.import_bench import ImportBench, Line

FAILING = {
    "sqlite": "INSERT INTO nowhere VALUES (:id, :name)",
    "postgresql": "SELECT 1 / 0, CAST(:id AS TEXT), CAST(:name AS TEXT)",
}


def test_an_error_does_not_show_the_values_of_its_statement(bench: ImportBench) -> None:
    statement = text(FAILING[bench.engine.dialect.name])
    with bench.engine.connect() as connection, pytest.raises(DBAPIError) as raised:
        connection.execute(statement, {"id": "c-secret", "name": "Ada Lovelace"})
    assert "secret" not in str(raised.value)
    assert "Ada" not in str(raised.value)


def test_a_reader_sees_one_snapshot_and_waits_for_no_writer(bench: ImportBench) -> None:
    bench.import_lines(Line("1"))
    count = text("SELECT COUNT(*) FROM orders")
    with reading(bench.engine) as connection:
        assert connection.execute(count).scalar() == 1
        bench.import_lines(Line("2"), name="second.csv")
        assert connection.execute(count).scalar() == 1
    with reading(bench.engine) as connection:
        assert connection.execute(count).scalar() == 2


def test_a_reader_cannot_write_on_postgresql(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    with reading(engine) as connection, pytest.raises(DBAPIError, match="read-only"):
        connection.execute(text("CREATE TABLE t (a INT)"))
    engine.dispose()


def test_many_writers_at_once_all_get_their_turn(bench: ImportBench) -> None:
    bench.stock(MOUSE=0)
    more = text("UPDATE products SET restocked = restocked + 1000, on_hand = on_hand + 1000")

    def restock_often(one: ImportBench) -> None:
        for _ in range(20):
            with one.engine.begin() as connection:
                connection.execute(text("SELECT on_hand FROM products"))
                connection.execute(more)

    bench.race(*[restock_often] * 6)
    assert bench.shelf() == {"MOUSE": (120, 0, 0)}


@pytest.mark.parametrize(("given", "idle"), [("", "15"), ("?options=-c%20tcp_keepalives_idle%3D7", "7")])
def test_postgresql_gives_a_vanished_host_up_in_time(postgres_url: str, given: str, idle: str) -> None:
    engine = open_engine(postgres_url + given)
    with engine.connect() as connection:
        settings = select(column("name"), column("setting")).select_from(table("pg_settings"))
        of_tcp = connection.execute(settings.where(column("name").like("tcp_%"))).all()
        assert {row.name: row.setting for row in of_tcp} == {
            "tcp_keepalives_idle": idle,
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
            "tcp_user_timeout": "30000",
        }
    engine.dispose()


def test_what_one_engine_compiled_serves_the_next(store_url: str) -> None:
    for compiled in (1, 0):
        engine = open_engine(store_url)
        with reading(engine) as connection:
            before = len(STATEMENTS)
            assert connection.execute(select(literal(7).label("only_here"))).scalar() == 7
            assert len(STATEMENTS) - before == compiled
        engine.dispose()


def test_threads_that_wait_for_the_same_writer_do_not_disturb_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With tenacity's decorator, one of them soon failed with a KeyError instead of waiting."""
    monkeypatch.setattr(engine_module, "SHORT_BUSY_TIMEOUT", "busy_timeout = 0")
    engine = open_engine(f"sqlite:///{tmp_path / 'orders.db'}")
    until = time.monotonic() + 1

    def write() -> int:
        written = 0
        while time.monotonic() < until:
            with engine.begin():
                written += 1
        return written

    between = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            writers = [threads.submit(write) for _ in range(8)]
    finally:
        sys.setswitchinterval(between)
    engine.dispose()
    assert all(writer.result() for writer in writers)
