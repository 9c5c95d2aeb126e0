"""Publishes the warehouse's tables to readers as Parquet files, and reads them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from functools import cache
from pathlib import Path
from typing import TypeVar

import duckdb
from duckdb import DuckDBPyConnection

from orders_pipeline.figures.kpis.warehouse.published_parts import (
    DAILY,
    LISTING,
    Listing,
    PartName,
    PartsLost,
    damaged_periods,
    days_of,
    describe,
    details_folder,
    missing_periods,
    month_of,
    part_file,
    period_of,
    published_folder,
    read_listing,
    remove,
    wanted_parts,
    write_listing,
)
from orders_pipeline.figures.kpis.warehouse.warehouse import TABLES, quoted, sql
from orders_pipeline.figures.kpis.warehouse.warehouse_folder import warehouse_file

READ_TRIES = 5
Files = Mapping[str, list[Path]]
Result = TypeVar("Result")


def begin(folder: Path, made_for: str) -> None:
    """Prepares the readers' copy of a new warehouse.

    Existing parts of the same store and layout stay readable until they are replaced one after the other. All
    other files are removed, such as those of version 0.1.0.
    """
    listing = read_listing(folder)
    if listing is None or listing.made_for != made_for:
        remove(published_folder(folder))
        remove(details_folder(folder))
        write_listing(folder, Listing(made_for, {}))


def publish_days(
    connection: DuckDBPyConnection,
    folder: Path,
    days: Iterable[date],
    changed: Iterable[date],
    scratch: Path,
) -> None:
    """Publishes the periods of these days to readers. Each part is replaced atomically, one after the other.

    Args:
        days: recomputed days; every table is published.
        changed: days of which only new and returning customers may have changed.
    """
    listing = read_listing(folder)
    if listing is None:
        raise PartsLost
    recomputed = {month_of(day) for day in days}
    touched = recomputed | {month_of(day) for day in changed}
    parts = {(DAILY, period_of(DAILY, month)) for month in touched}
    parts |= {(table, month) for table in TABLES if table != DAILY for month in recomputed}
    # A period has no figures any more if it only had a refund that failed later.
    shown = sorted(part for part in parts if _has_figures(connection, part[1]))
    unfinished = {part: scratch / f"{'-'.join(part)}.parquet" for part in shown}
    for part, file in unfinished.items():
        _export(connection, part, file)
    described = {part: describe(file) for part, file in unfinished.items()}
    # Parts are replaced after all of them were exported, so that readers see parts of two publications only
    # for a moment.
    for part, file in unfinished.items():
        _replace_part(file, part_file(folder, *part))
    empty = parts.difference(shown)
    write_listing(folder, listing.without_parts(empty).with_parts(described))
    for part in empty:
        remove(part_file(folder, *part))


def read_published(
    folder: Path, start: date, end: date, ask: Callable[[DuckDBPyConnection], Result]
) -> Result:
    """Returns the result of a function that reads the published tables from `start` to `end`, inclusive.

    The tables contain whole periods. If parts are replaced during the call, the function is called again, so
    that all tables are of the same publication.

    Raises:
        PartsLost: parts are missing or cannot be read.
    """
    for _ in range(READ_TRIES - 1):
        listing, files = _files(folder, start, end)
        before = _state(files)
        try:
            with _open(files) as connection:
                result = ask(connection)
        except duckdb.Error as error:
            if _state(files) == before:
                _require_whole(folder, listing, start, end, error)
        else:
            if _state(files) == before:
                return result
    with _open(_files(folder, start, end)[1]) as connection:
        return ask(connection)


def latest_months(folder: Path, number: int) -> list[str]:
    """Returns the latest months with figures, in order."""
    listing = read_listing(folder)
    return listing.months()[-number:] if listing else []


def last_published(folder: Path) -> float | None:
    """Returns the time of the last publication, in seconds since 1970; None if no day was published."""
    with suppress(OSError):
        if latest_months(folder, 1):
            return (folder / LISTING).stat().st_mtime
    return None


@contextmanager
def _open(files: Files) -> Iterator[DuckDBPyConnection]:
    """Yields a connection to an in-memory DuckDB with these parts as tables.

    A table without parts is empty.
    """
    with _empty_tables(os.getpid()).cursor() as connection:
        try:
            connection.execute(sql("macros"))
            for table, paths in files.items():
                listed = ", ".join(map(quoted, paths))
                # A temporary view exists only in this connection, and hides the empty table of the same name.
                connection.execute(
                    f"CREATE TEMP VIEW {table} AS FROM read_parquet([{listed}], hive_partitioning = false)"
                )
            yield connection
        except duckdb.Error:
            # After some errors, such as those of damaged files, a DuckDB instance refuses all statements.
            _empty_tables.cache_clear()
            raise


@cache
def _empty_tables(_process: int) -> DuckDBPyConnection:
    """Returns an in-memory DuckDB with empty tables. It is cached, because creating it takes 20 ms."""
    connection = duckdb.connect()
    connection.execute(sql("schema"))
    return connection


def _files(folder: Path, start: date, end: date) -> tuple[Listing, Files]:
    """Returns the listing, and the parts of these days by table."""
    listing = read_listing(folder)
    if listing is None:
        if published_folder(folder).exists() or warehouse_file(folder).exists():
            raise PartsLost
        return Listing("", {}), {}
    wanted = _months(listing, start, end)
    if lost := missing_periods(folder, listing, wanted):
        raise PartsLost(lost)
    files: dict[str, list[Path]] = {}
    for table, period in wanted_parts(listing, wanted):
        files.setdefault(table, []).append(part_file(folder, table, period))
    return listing, files


def _months(listing: Listing, start: date, end: date) -> list[str]:
    return [month for month in listing.months() if month_of(start) <= month <= month_of(end)]


def _state(files: Files) -> list[tuple[int, int, int] | None]:
    """Returns a value that changes whenever one of the files is replaced."""
    return [_identity(path) for paths in files.values() for path in paths]


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _require_whole(folder: Path, listing: Listing, start: date, end: date, error: duckdb.Error) -> None:
    """Raises PartsLost if a read failed because of damaged parts; any other error is raised again."""
    if damaged := damaged_periods(folder, listing, _months(listing, start, end)):
        raise PartsLost(damaged) from error
    raise error


def _has_figures(connection: DuckDBPyConnection, period: str) -> bool:
    first, last = days_of(period)
    query = f"SELECT EXISTS (FROM {DAILY} WHERE day BETWEEN $first AND $last)"
    return connection.execute(query, {"first": first, "last": last}).fetchall() == [(True,)]


def _export(connection: DuckDBPyConnection, part: PartName, target: Path) -> None:
    table, (first, last) = part[0], days_of(part[1])
    connection.execute(
        f"COPY (FROM {table} WHERE day BETWEEN DATE '{first}' AND DATE '{last}' ORDER BY day) "
        f"TO {quoted(target)} (FORMAT parquet)"
    )


def _replace_part(unfinished: Path, target: Path) -> None:
    if target.parent.exists() and not target.parent.is_dir():
        target.parent.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        remove(target)
    unfinished.replace(target)
