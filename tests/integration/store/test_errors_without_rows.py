"""Errors of the order store, provoked in each step in every way a database can fail, contain no rows."""

from __future__ import annotations

import io
import logging
import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError

from orders_pipeline.base.settings import Settings
from orders_pipeline.base.telemetry.logs import configure_logs
from orders_pipeline.failed_work.listing import Wanted, failed_work
from orders_pipeline.imports.state.step_failures import Step, noting_failures
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import customers, orders
from orders_pipeline.store.statements.bulk import insert_frame, update_rows
from orders_pipeline.store.statements.raw_rows import chunks_of
from tests.import_bench import RUN, STEPS, ImportBench, Line
from tests.stores import open_test_engine

# Constants in source lines, which stack traces show, are in capitals.
CANARY = re.compile("canary|Canary")
VALUE = "canary-value"
# The write at which each step is made to fail: a table, and the condition on its new row.
WRITES = {
    "parse": ("batches", "NEW.number > 0"),
    "load": ("orders", "NEW.number LIKE 'canary%'"),
    "reserve": ("orders", "NEW.status = 'reserved'"),
    "charge": ("payments", "NEW.order_id > 0"),
    "finalize": ("customer_totals", "NEW.customer_id LIKE 'canary%'"),
    "roll_back": ("orders", "NEW.status = 'rollback'"),
}
SLOW = "PERFORM pg_sleep(1);"
KILLED = "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1);"
FULL = "RAISE 'could not extend file: no space left' USING ERRCODE = '53100', DETAIL = NEW::text;"
REFUSED = "RAISE 'new row violates a constraint' USING ERRCODE = '23514', DETAIL = NEW::text;"
LOCKED = "RAISE 'canceling statement due to lock timeout' USING ERRCODE = '55P03', HINT = NEW::text;"
FAULTS = {"slow": SLOW, "killed": KILLED, "full": FULL, "refused": REFUSED, "locked": LOCKED}


@pytest.fixture
def postgres_bench(migrated_postgres_url: str, tmp_path: Path) -> Iterator[ImportBench]:
    engine = open_test_engine(migrated_postgres_url)
    yield ImportBench.at(engine, tmp_path)
    engine.dispose()


@contextmanager
def failing_on(engine: Engine, step: str, fault: str) -> Iterator[None]:
    """A store whose row of this step causes a fault on PostgreSQL, or is refused by SQLite."""
    table, condition = WRITES[step]
    made: tuple[str, ...]
    if engine.dialect.name == "sqlite":
        body = f"WHEN {condition} BEGIN SELECT RAISE(ABORT, 'refused'); END"
        made = tuple(
            f"CREATE TRIGGER {verb}_fault BEFORE {verb} ON {table} {body}" for verb in ("INSERT", "UPDATE")
        )
        ended = ["DROP TRIGGER INSERT_fault", "DROP TRIGGER UPDATE_fault"]
    else:
        made = (
            f"CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF {condition} THEN {FAULTS[fault]} END IF; RETURN NEW; END $$",
            f"CREATE TRIGGER fault BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION fault()",
        )
        ended = ["DROP FUNCTION fault CASCADE"]
    run(engine, *made)
    yield
    run(engine, *ended)


def canaries(count: int) -> list[Line]:
    named = {"sku": "canary-sku", "name": "Canary Name", "product": "Canary X"}
    return [Line(f"canary-order-{n}", customer=f"canary-id-{n}", **named) for n in range(count)]


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


@contextmanager
def short_statements(engine: Engine) -> Iterator[Engine]:
    """The same store, whose statements end after a fifth of a second."""
    url = engine.url
    if engine.dialect.name == "postgresql":
        url = url.update_query_dict({"options": "-c statement_timeout=200"})
    opened = open_engine(url.render_as_string(hide_password=False))
    yield opened
    opened.dispose()


def error_of(work: Callable[[], object]) -> str:
    """What can be read about the error: its chain of stack traces, and a log line."""
    stream = io.StringIO()
    before = logging.getLogger().handlers
    configure_logs(Settings(), stream)
    try:
        with pytest.raises(DBAPIError) as raised:
            work()
        logging.getLogger("test").error("failed: %s", raised.value, exc_info=raised.value)
    finally:
        logging.getLogger().handlers = before
        logging.captureWarnings(False)
    printed = traceback.format_exception(raised.value)
    values = [raised.value.params, raised.value.statement, raised.value.orig and raised.value.orig.args]
    return "".join([*printed, repr(values), stream.getvalue()])


def ready_for(bench: ImportBench, step: str, lines: Sequence[Line] = ()) -> str:
    """Key of a file with marked values that is about to begin this step."""
    if step == "roll_back":
        bench.set(payment_success_rate=0)
    key = bench.stage(bench.write(*(lines or canaries(3))))
    if step != "parse":
        bench.steps.parse(key, RUN)
        earlier = STEPS[: STEPS.index(step)]
        for name in earlier:
            bench.step(name, key)
    return key


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", WRITES)
def test_no_row_of_a_step_that_fails_gets_out(bench: ImportBench, step: str, fault: str) -> None:
    if bench.engine.dialect.name == "sqlite" and fault != "refused":
        pytest.skip("SQLite refuses, is full or is locked; the other tests are of the latter")
    key = ready_for(bench, step)
    kept = bench.engine
    with failing_on(kept, step, fault), short_statements(kept) as bench.engine:

        def work() -> None:
            with noting_failures(kept, Step(key, step, RUN, 1)):
                bench.steps.parse(key, RUN) if step == "parse" else bench.step(step, key)

        message = error_of(work)
    with reading(kept) as connection:
        stored = failed_work(connection, Wanted(), 10)["steps"]
    assert len(stored) == 1
    assert CANARY.findall(message + str(stored)) == []


@pytest.mark.parametrize("step", ["load", "reserve", "charge", "finalize"])
def test_no_row_gets_out_of_a_full_disk(lone_bench: ImportBench, step: str) -> None:
    bench = lone_bench
    key = ready_for(bench, step, canaries(2000))
    bench.engine.dispose()

    def fill(connection: object, _record: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()  # type: ignore[attr-defined]
        connection.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]

    event.listen(bench.engine, "connect", fill)
    message = error_of(lambda: bench.step(step, key))
    assert "full" in message
    assert CANARY.findall(message) == []


def test_no_row_gets_out_of_a_store_that_stays_locked(
    lone_bench: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, key = lone_bench, ready_for(lone_bench, "load")
    monkeypatch.setattr("orders_pipeline.store.engine.UNTIL_UNLOCKED.stop", lambda _: True)
    holder = open_engine(bench.engine.url.render_as_string())
    with holder.begin():
        message = error_of(lambda: bench.step("load", key))
    holder.dispose()
    assert "locked" in message
    assert CANARY.findall(message) == []


def test_a_value_that_a_copy_cannot_read_does_not_get_out(postgres_bench: ImportBench) -> None:
    frame = pl.DataFrame({"id": [VALUE], "file_line": [VALUE]})
    engine = postgres_bench.engine
    with engine.connect() as connection:
        message = error_of(lambda: insert_frame(connection, orders, frame))
    assert "invalid input syntax for type bigint" in message
    assert CANARY.findall(message) == []


def test_a_row_that_is_there_already_does_not_get_out(bench: ImportBench) -> None:
    row = pl.DataFrame({"id": [VALUE], "name": [VALUE]})

    def work() -> None:
        with bench.engine.begin() as connection:
            insert_frame(connection, customers, row)

    work()
    message = error_of(work)
    assert "constraint" in message.lower()
    assert CANARY.findall(message) == []


def test_values_of_an_update_do_not_get_out(postgres_bench: ImportBench) -> None:
    engine = postgres_bench.engine

    def work() -> None:
        with engine.begin() as connection:
            update_rows(connection, orders, ["customer_id", "total", "id"], [("c", VALUE, 1)], "pending")

    message = error_of(work)
    assert "invalid input syntax" in message
    assert CANARY.findall(message) == []


def test_a_cursor_of_large_results_fails_as_any_statement(bench: ImportBench) -> None:
    with bench.engine.connect() as connection:
        message = error_of(lambda: list(chunks_of(connection, text("SELECT number FROM nowhere"))))
    assert "nowhere" in message
    assert "[SQL" not in message
