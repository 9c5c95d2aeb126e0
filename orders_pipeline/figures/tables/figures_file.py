"""`figures.duckdb`: the published figures, and the orders behind them, in one file for other tools.

A new version is a copy of the old file in which only the changed days are replaced. It then replaces the old
file atomically, so a program that has the old file open can read it to the end. After a customer was erased,
the file is made without the old one, because DuckDB keeps deleted rows in unused space.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
from duckdb import DuckDBPyConnection
from sqlalchemy import Connection, Engine, Integer, String, cast, select
from sqlalchemy.types import TypeEngine

from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.base.files.package_files import package_text
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.version import VERSION
from orders_pipeline.figures.kpis.publisher import publisher_elsewhere
from orders_pipeline.figures.kpis.warehouse.facts import export_rows, of_days
from orders_pipeline.figures.kpis.warehouse.readers_copy import read_published
from orders_pipeline.figures.kpis.warehouse.warehouse import only_writer, quoted, sql, transaction
from orders_pipeline.figures.tables import store_queries
from orders_pipeline.figures.tables.definitions import (
    CUSTOMER_SALES,
    DAILY_KPIS,
    ORDER_LINES,
    ORDERS,
    PAYMENTS,
    PRODUCT_SALES,
    PRODUCTS,
    REFUNDS,
    TABLES,
)
from orders_pipeline.figures.tables.table import Kind, Table
from orders_pipeline.store import kpi_days
from orders_pipeline.store.engine import reading
from orders_pipeline.store.identity import customers_erased
from orders_pipeline.store.schema import imports

FILE, NOTE, LOCK, SCRATCH = "figures.duckdb", "figures.json", "figures.lock", "figures-scratch"
# Every DuckDB since 1.0 can read this format, and so can the drivers of other tools.
STORAGE_VERSION = "v1.0.0"
MEMORY_LIMIT = "200MB"
# While imports run, days change all the time, so the file is not updated more often than this.
LATE_BY_AT_MOST_MINUTES = 10
BY_DAY = {
    ORDERS: store_queries.orders_rows,
    ORDER_LINES: store_queries.order_lines_rows,
    PAYMENTS: store_queries.payments_rows,
}
PUBLISHED = (DAILY_KPIS, CUSTOMER_SALES, PRODUCT_SALES)
WHOLE = {REFUNDS: store_queries.refunds_rows, PRODUCTS: store_queries.products_rows}
_STORED = {Kind.TEXT: pl.String, Kind.DAY: pl.String}
# SQLite and PostgreSQL both return values of these kinds as text or numbers.
_CAST: Mapping[Kind, type[TypeEngine[Any]]] = {Kind.DAY: String, Kind.TRUTH: Integer}
_READ = {
    Kind.MONEY: "money({})",
    Kind.UNITS: "units_of({})",
    Kind.DAY: "{}::DATE",
    Kind.TIME: "make_timestamp({})",
    Kind.TRUTH: "{}::BOOLEAN",
}


@dataclass(frozen=True, slots=True)
class Note:
    """What the file contains.

    Attributes:
        made_for: identifies the order store and the layout of the tables.
        erased: number of erased customers whose former ids the file does not contain, not even in unused
            space.
        shows: the state of all days in the file; a value that changes with each change of a day.
        made_at: time at which the file was made, in microseconds since 1970.
    """

    made_for: str
    erased: int
    shows: str
    made_at: int


def figures_file(folder: Path) -> Path:
    """Returns the path of the file in the warehouse folder."""
    return folder / FILE


def was_made(folder: Path) -> bool:
    """Whether the file was made, and `forget` was not called since."""
    return _read_note(folder) is not None


def forget(folder: Path) -> None:
    """Makes the next publication build a new file without a copy of the old one."""
    (folder / NOTE).unlink(missing_ok=True)


def shown_state(engine: Engine, folder: Path, owner: str) -> str | None:
    """Returns the state of all days, if the file is up to date; None if the file is older."""
    note, state = _usable_note(folder, owner, customers_erased(engine)), kpi_days.state_of_days(engine)
    return state if note and note.shows == state else None


def is_due(engine: Engine, folder: Path, owner: str) -> bool:
    """Whether the file must be updated. While imports run, it may be some minutes old.

    Args:
        owner: id of the order store.
    """
    if publisher_elsewhere(engine, folder):
        return False
    note = _usable_note(folder, owner, customers_erased(engine))
    if note is None or not figures_file(folder).is_file():
        return kpi_days.any_published(engine)
    if note.shows == kpi_days.state_of_days(engine):
        return False
    return now_us() - note.made_at > LATE_BY_AT_MOST_MINUTES * 60_000_000 or not _importing(engine)


def bring_up_to_date(engine: Engine, folder: Path, owner: str, timezone: str) -> None:
    """Makes a new version of the file and replaces the old one.

    Raises:
        PartsLost: published files are missing or damaged.
    """
    with only_writer(folder, lock=LOCK), _scratch(folder) as scratch:
        made_at, erased = now_us(), customers_erased(engine)
        old = _usable_note(folder, owner, erased)
        if old is None and kpi_days.dirty_days(engine):
            # The published figures of these days may still contain the former ids of erased customers.
            erased = 0
        shows = kpi_days.state_of_days(engine)
        unfinished = scratch / FILE
        try:
            _change(engine, folder, unfinished, bool(old) and _old_version(folder, unfinished), timezone)
        except duckdb.Error:
            # The old version is damaged.
            unfinished.unlink(missing_ok=True)
            _change(engine, folder, unfinished, False, timezone)
        unfinished.chmod(0o444)
        unfinished.replace(figures_file(folder))
        # Another tool with write access may have left a write-ahead log, which belongs to the old file.
        figures_file(folder).with_suffix(".duckdb.wal").unlink(missing_ok=True)
        _write_note(folder, Note(_made_for(owner), erased, shows, made_at))


def _importing(engine: Engine) -> bool:
    query = select(imports.c.id).where(imports.c.status == ImportStatus.RUNNING).limit(1)
    with reading(engine) as connection:
        return connection.execute(query).first() is not None


def _usable_note(folder: Path, owner: str, erased: int) -> Note | None:
    """Returns the note of a file with the same layout and store, and no former ids of erased customers."""
    note = _read_note(folder)
    return note if note and (note.made_for, note.erased) == (_made_for(owner), erased) else None


def _old_version(folder: Path, target: Path) -> bool:
    """Copies the old version. Returns whether there was one."""
    with suppress(FileNotFoundError):
        shutil.copyfile(figures_file(folder), target)
        return True
    return False


def _change(engine: Engine, folder: Path, file: Path, has_tables: bool, timezone: str) -> None:
    # Without this setting, DuckDB writes temporary files to the current folder, which may be read-only.
    settings: dict[str, Any] = {"memory_limit": MEMORY_LIMIT, "temp_directory": str(file.parent)}
    with duckdb.connect(config=settings) as connection:
        connection.execute(f"ATTACH {quoted(file)} AS figures (STORAGE_VERSION '{STORAGE_VERSION}')")
        connection.execute("USE figures")
        connection.execute(sql("macros"))
        with transaction(connection):
            if not has_tables:
                _create(connection)
            shown = {row[0]: row[1:] for row in connection.execute("FROM internal.days").fetchall()}
            with reading(engine) as snapshot:
                days = _replace_orders(connection, snapshot, shown, file.parent)
            _replace_published(connection, folder, days)
            made_at = to_datetime(now_us()).replace(tzinfo=None)
            connection.execute("DELETE FROM about")
            connection.execute(
                "INSERT INTO about VALUES (?, ?, ?, ?)", [made_at, LATE_BY_AT_MOST_MINUTES, timezone, VERSION]
            )
        connection.execute("USE memory")
        connection.execute("DETACH figures")


def _create(connection: DuckDBPyConnection) -> None:
    views = {"customers", "customer_leaderboard", "product_leaderboard"}
    for table in TABLES:
        if table.name not in views:
            connection.execute(f"CREATE TABLE {table.name} ({table.declared})")
    connection.execute("CREATE SCHEMA internal")
    connection.execute("CREATE TABLE internal.days (day DATE, version BIGINT, published BIGINT)")
    connection.execute(_sql("views"))
    connection.execute(_sql("leaderboards").format(code_points="", schema=""))
    for table in TABLES:
        kind = "VIEW" if table.name in views else "TABLE"
        connection.execute(f"COMMENT ON {kind} {table.name} IS {quoted(table.meaning)}")
        for column in table.columns if kind == "TABLE" else ():
            connection.execute(f"COMMENT ON COLUMN {table.name}.{column.name} IS {quoted(column.meaning)}")


def _replace_orders(
    connection: DuckDBPyConnection, snapshot: Connection, shown: Mapping[date, tuple[int, int]], scratch: Path
) -> list[date]:
    """Replaces the orders of the changed days. Returns these days."""
    current = kpi_days.all_versions(snapshot)
    days = sorted(day for day in current.keys() | shown.keys() if current.get(day) != shown.get(day))
    connection.execute("CREATE OR REPLACE TEMP TABLE changed AS SELECT unnest(?::DATE[]) AS day", [days])
    if days:
        selected = of_days(snapshot, days)
        for table, rows in BY_DAY.items():
            connection.execute(f"DELETE FROM {table.name} WHERE day IN (SELECT day FROM changed)")
            _insert(connection, snapshot, table, rows(selected), scratch)
    for table, whole in WHOLE.items():
        connection.execute(f"DELETE FROM {table.name}")
        _insert(connection, snapshot, table, whole(), scratch)
    connection.execute("DELETE FROM internal.days WHERE day IN (SELECT day FROM changed)")
    noted = [(day, *current[day]) for day in days if day in current]
    if noted:
        connection.execute(
            "INSERT INTO internal.days SELECT unnest(?::DATE[]), unnest(?::BIGINT[]), unnest(?::BIGINT[])",
            [list(column) for column in zip(*noted, strict=True)],
        )
    return days


def _insert(
    connection: DuckDBPyConnection,
    snapshot: Connection,
    table: Table,
    query: store_queries.Query,
    scratch: Path,
) -> None:
    schema = {column.name: _STORED.get(column.kind, pl.Int64) for column in table.columns}
    rows = query.subquery().c
    plain = [cast(rows[name], _CAST[kind]) if kind in _CAST else rows[name] for name, kind in table.kinds]
    export_rows(snapshot, select(*plain), schema, scratch / table.name)
    values = ", ".join(_READ.get(column.kind, "{}").format(column.name) for column in table.columns)
    order = " ORDER BY day, order_id" if "day" in schema else ""
    files = scratch / f"{table.name}-*.parquet"
    connection.execute(f"INSERT INTO {table.name} SELECT {values} FROM read_parquet({quoted(files)}){order}")


def _replace_published(connection: DuckDBPyConnection, folder: Path, days: Sequence[date]) -> None:
    """Copies the published figures. Daily KPIs: all days, because new customers of other days may change."""
    with TemporaryDirectory(dir=folder / SCRATCH) as name:
        taken = Path(name)
        copy_published(folder, taken, days)
        for table in (CUSTOMER_SALES, PRODUCT_SALES):
            connection.execute(f"DELETE FROM {table.name} WHERE day IN (SELECT day FROM changed)")
            source = f"read_parquet({quoted(taken / table.name)})"
            connection.execute(f"INSERT INTO {table.name} BY NAME FROM {source} ORDER BY day")
        connection.execute(f"DELETE FROM {DAILY_KPIS.name}")
        source = f"read_parquet({quoted(taken / DAILY_KPIS.name)})"
        connection.execute(f"INSERT INTO {DAILY_KPIS.name} BY NAME FROM {source} ORDER BY day, currency")


def copy_published(folder: Path, target: Path, days: Sequence[date] | None = None) -> None:
    """Copies the tables of `PUBLISHED`, with the columns of the file, to Parquet files named after them.

    Args:
        days: days of the sales by customer and product to copy; None copies all days.

    Raises:
        PartsLost: published files are missing or damaged.
    """
    of_days = "" if days is None else "WHERE day IN (SELECT unnest($days::DATE[]))"
    queries = {table.name: f"FROM {table.name} {of_days}" for table in (CUSTOMER_SALES, PRODUCT_SALES)}
    as_text = "SELECT * REPLACE (to_json(declines_by_reason)::VARCHAR AS declines_by_reason)"
    queries[DAILY_KPIS.name] = f"{as_text} FROM {DAILY_KPIS.name}"

    def copy(published: DuckDBPyConnection) -> None:
        for name, query in queries.items():
            values = {"days": days} if "$days" in query else {}
            published.execute(f"COPY ({query}) TO {quoted(target / name)} (FORMAT parquet)", values)

    read_published(folder, date.min, date.max, copy)


def _sql(name: str) -> str:
    return package_text("orders_pipeline.figures.tables", f"sql/{name}.sql")


def _made_for(owner: str) -> str:
    layout = "".join(f"{table.name}({table.declared})" for table in TABLES)
    return sha256((layout + _sql("views") + _sql("leaderboards") + owner).encode()).hexdigest()


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Yields an empty folder for a new version. Files left by a killed process are removed."""
    parent = folder / SCRATCH
    shutil.rmtree(parent, ignore_errors=True)
    parent.mkdir(parents=True)
    try:
        yield parent
    finally:
        shutil.rmtree(parent, ignore_errors=True)


def _read_note(folder: Path) -> Note | None:
    try:
        return Note(**json.loads((folder / NOTE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _write_note(folder: Path, note: Note) -> None:
    unfinished = folder / f".{NOTE}"
    unfinished.write_text(json.dumps(asdict(note)), encoding="utf-8")
    unfinished.replace(folder / NOTE)
