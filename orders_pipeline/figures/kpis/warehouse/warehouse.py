"""The warehouse: a DuckDB file with one writer at a time. A refresh replaces its days in one transaction."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from orders_pipeline.base.amounts.currency import MINOR_DIGITS
from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.base.files.home import make_home
from orders_pipeline.base.files.package_files import package_text
from orders_pipeline.figures.kpis.warehouse.published_parts import DETAILS, PUBLISHED, remove
from orders_pipeline.figures.kpis.warehouse.warehouse_folder import note_rebuild, warehouse_file

TABLES = ("daily_kpis", "customer_sales_by_day", "product_sales_by_day", "settle_times_by_day")
FACTS = (
    "order_facts",
    "line_facts",
    "amount_facts",
    "earlier_declines",
    "money_back_facts",
    "returned_facts",
)
PATIENCE_SECONDS = 900.0
RETRY_SECONDS = 0.02
LOCK, LOCKED = "writer.lock", "Could not set lock"
# Errors of DuckDB about files that are not damaged.
NO_DAMAGE = (LOCKED, "Permission denied", "No space left", "Too many open files", "Read-only file system")
DAMAGE = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
# For a wrong checksum of a block, DuckDB raises the base class of its errors.
CORRUPT = re.compile("Corrupt|not a valid DuckDB database", re.IGNORECASE)
# All rows in one statement, because `executemany` of DuckDB takes as long for each row.
MINOR_UNITS = """
CREATE TEMP TABLE minor_units AS
SELECT unnest(?::VARCHAR[]) AS currency, (0.1 ** unnest(?::INTEGER[]))::DECIMAL(5, 4) AS unit
"""
REFRESHED_DAYS = "CREATE OR REPLACE TEMP TABLE refreshed_days AS SELECT unnest(?::DATE[]) AS day"
SPILL, SCRATCH, DAMAGED = "spill", "scratch", "damaged-warehouse"
MEMORY_LIMIT = "400MB"


class WarehouseBusyError(TimeoutError):
    """Another process held the warehouse's lock for too long."""


class WarehouseDamagedError(RuntimeError):
    """The DuckDB file was damaged. It was renamed, and the next refresh computes every day again."""


def sql(name: str) -> str:
    """Returns the text of one of this package's SQL files."""
    return package_text("orders_pipeline.figures.kpis.warehouse", f"sql/{name}.sql")


@contextmanager
def only_writer(folder: Path, patience: float = PATIENCE_SECONDS, lock: str = LOCK) -> Iterator[None]:
    """Holds the writer lock, across threads and processes. The kernel releases it if this process dies.

    Args:
        lock: name of the lock file; each file in the folder that has a writer has its own lock.

    Raises:
        WarehouseBusyError: another writer held the lock for `patience` seconds.
    """
    make_home(folder.parent)
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder / lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor, folder, time.monotonic() + patience)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, folder: Path, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _wait(folder, deadline)


def _wait(folder: Path, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise WarehouseBusyError(f"the warehouse in {folder} is in use by another process")
    time.sleep(RETRY_SECONDS)


def is_current(folder: Path, owner: str) -> bool:
    """Whether the warehouse exists, has the current table layout and belongs to this order store.

    A damaged file is renamed.
    """
    file = warehouse_file(folder)
    if not file.exists():
        return False
    if file.is_dir():
        set_aside(folder, "its path is a folder")
        return False
    try:
        with _connect(folder) as connection:
            tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE table_name = 'layout'")
            return bool(tables.fetchall()) and connection.execute("FROM layout").fetchall() == [
                (fingerprint(owner),)
            ]
    except duckdb.Error as error:
        if not _is_damage(folder, error):
            raise
        set_aside(folder, _first_line(error))
        return False


def create(folder: Path, owner: str) -> None:
    """Replaces the warehouse by an empty one."""
    discard(folder)
    with _connect(folder) as connection, transaction(connection):
        connection.execute(sql("schema"))
        connection.execute(sql("writer"))
        connection.execute("INSERT INTO layout VALUES (?)", [fingerprint(owner)])


def discard(folder: Path) -> None:
    """Removes the DuckDB file and its write-ahead log."""
    for leftover in folder.glob("warehouse.duckdb*"):
        remove(leftover)


def set_aside(folder: Path, reason: str) -> None:
    """Renames a damaged DuckDB file and replaces an earlier damaged one."""
    kept = folder / DAMAGED
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    for file in folder.glob("warehouse.duckdb*"):
        file.rename(kept / file.name)
    note_rebuild(folder, f"the warehouse was damaged ({reason}) and is kept in {kept}")


@contextmanager
def open_for_writing(folder: Path) -> Iterator[DuckDBPyConnection]:
    """Yields a connection to the DuckDB file, with rounding macros and minor units. Requires the writer lock.

    Raises:
        WarehouseDamagedError: the file is damaged; it was renamed.
    """
    try:
        with _connect(folder) as connection:
            connection.execute(sql("macros"))
            connection.execute(MINOR_UNITS, [list(MINOR_DIGITS), list(MINOR_DIGITS.values())])
            yield connection
    except duckdb.Error as error:
        if not _is_damage(folder, error):
            raise
        set_aside(folder, _first_line(error))
        raise WarehouseDamagedError(str(error)) from error


@contextmanager
def transaction(connection: DuckDBPyConnection) -> Iterator[None]:
    """Commits all changes of the `with` block, or none."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Yields an empty folder for the facts of one refresh. Files left by a killed process are removed."""
    parent = folder / SCRATCH
    shutil.rmtree(parent, ignore_errors=True)
    parent.mkdir(parents=True)
    with TemporaryDirectory(dir=parent) as name:
        yield Path(name)


def replace_days(connection: DuckDBPyConnection, days: Iterable[date], facts: Path) -> list[date]:
    """Replaces the rows of these days by rows computed from the exported facts.

    Returns:
        The days whose figures changed: these days, and later days that are no longer the first purchase day
            of
        a customer.
    """
    connection.execute(REFRESHED_DAYS, [list(days)])
    for name in FACTS:
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {name} AS FROM read_parquet({quoted(facts / f'{name}-*.parquet')})"
        )
    _run(connection, sql("replace_days"), {"generated_at": to_datetime(now_us()).replace(tzinfo=None)})
    _run(connection, sql("new_customers"), {})
    return [row[0] for row in connection.execute("SELECT day FROM changed_days ORDER BY day").fetchall()]


def quoted(text: str | Path) -> str:
    """Returns a SQL string literal, for CREATE VIEW and COPY statements, which accept no parameters."""
    return "'" + str(text).replace("'", "''") + "'"


def _run(connection: DuckDBPyConnection, statements: str, parameters: dict[str, object]) -> None:
    for statement in duckdb.extract_statements(statements):
        used = {name: parameters[name] for name in statement.named_parameters}
        connection.execute(statement, used)


@contextmanager
def _connect(folder: Path) -> Iterator[DuckDBPyConnection]:
    settings: dict[str, Any] = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(folder / SPILL),
        # Queries sort their rows if the order matters; preserving the insertion order would need more memory.
        "preserve_insertion_order": False,
    }
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection = duckdb.connect(str(warehouse_file(folder)), config=settings)
            break
        except duckdb.IOException as error:
            # Another program has the file open.
            if LOCKED not in str(error):
                raise
            _wait(folder, deadline)
    with connection:
        yield connection


def fingerprint(owner: str) -> str:
    """Returns a value that identifies the order store and the layout of the tables."""
    return sha256((sql("schema") + sql("writer") + owner).encode()).hexdigest()


def _is_damage(folder: Path, error: duckdb.Error) -> bool:
    """Whether the error means a damaged warehouse file, not a fault of facts, memory or the readers' copy."""
    message = str(error)
    others = (*NO_DAMAGE, *(str(folder / name) for name in (SPILL, SCRATCH, PUBLISHED, DETAILS)))
    return bool(isinstance(error, DAMAGE) or CORRUPT.search(message)) and not any(
        other in message for other in others
    )


def _first_line(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0]
