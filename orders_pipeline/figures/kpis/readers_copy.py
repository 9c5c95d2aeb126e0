"""Publishes the warehouse's tables to readers as Parquet files, and reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import TypeVar

import duckdb
from duckdb import DuckDBPyConnection

from orders_pipeline.figures.kpis.published_parts import (
    LISTING,
    Listing,
    PartsLost,
    damaged_months,
    days_of,
    describe,
    missing_months,
    month_of,
    part_file,
    published_folder,
    read_listing,
    remove,
    write_listing,
)
from orders_pipeline.figures.kpis.warehouse import TABLES, quoted, sql, warehouse_file

READ_TRIES = 5
DAILY = "daily_kpis"
Files = Mapping[str, list[Path]]
Result = TypeVar("Result")


def begin(folder: Path, made_for: str) -> None:
    """Prepares the readers' copy of a new warehouse. Parts of the same store and layout stay readable.

    They are replaced month by month. All other files are removed, such as those of version 0.1.0.
    """
    listing = read_listing(folder)
    if listing is None or listing.made_for != made_for:
        remove(published_folder(folder))
        write_listing(folder, Listing(made_for, {}))


def publish_days(
    connection: DuckDBPyConnection,
    folder: Path,
    days: Iterable[date],
    changed: Iterable[date],
    scratch: Path,
) -> None:
    """Publishes the months of these days to readers. Each part is replaced atomically.

    Args:
        days: recomputed days; every table is published.
        changed: days of which only new and returning customers may have changed.
    """
    listing = read_listing(folder)
    if listing is None:
        raise PartsLost
    recomputed = {month_of(day) for day in days}
    for month in _months_with_figures(connection, recomputed | {month_of(day) for day in changed}):
        for table in TABLES if month in recomputed else (DAILY,):
            unfinished = scratch / f"{table}-{month}.parquet"
            _export(connection, table, month, unfinished)
            part = describe(unfinished)
            _replace_part(unfinished, part_file(folder, table, month))
            listing = listing.with_part(table, month, part)
    write_listing(folder, listing)


def read_published(
    folder: Path, start: date, end: date, ask: Callable[[DuckDBPyConnection], Result]
) -> Result:
    """The result of a function that reads the published tables from `start` to `end`, inclusive.

    The tables hold whole months. If parts are replaced meanwhile, the function is called again, so that all
    tables are of the same publication.

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
    """The latest months that have figures, in order."""
    listing = read_listing(folder)
    return listing.months()[-number:] if listing else []


def last_published(folder: Path) -> float | None:
    """Time of the last publication, in seconds since 1970; None if no day was published."""
    with suppress(OSError):
        if latest_months(folder, 1):
            return (published_folder(folder) / LISTING).stat().st_mtime
    return None


@contextmanager
def _open(files: Files) -> Iterator[DuckDBPyConnection]:
    """An in-memory DuckDB with these parts as tables. A table without parts is empty."""
    with duckdb.connect() as connection:
        connection.execute(sql("schema"))
        connection.execute(sql("macros"))
        for table, paths in files.items():
            listed = ", ".join(map(quoted, paths))
            connection.execute(f"DROP TABLE {table}")
            connection.execute(
                f"CREATE VIEW {table} AS FROM read_parquet([{listed}], hive_partitioning = false)"
            )
        yield connection


def _files(folder: Path, start: date, end: date) -> tuple[Listing, Files]:
    """The listing, and the parts of these days by table."""
    listing = read_listing(folder)
    if listing is None:
        if published_folder(folder).exists() or warehouse_file(folder).exists():
            raise PartsLost
        return Listing("", {}), {}
    wanted = _months(listing, start, end)
    if lost := missing_months(folder, listing, wanted):
        raise PartsLost(lost)
    files = {
        table: [part_file(folder, table, month) for month in wanted if month in parts]
        for table, parts in listing.parts.items()
    }
    return listing, {table: found for table, found in files.items() if found}


def _months(listing: Listing, start: date, end: date) -> list[str]:
    return [month for month in listing.months() if month_of(start) <= month <= month_of(end)]


def _state(files: Files) -> list[tuple[int, int, int] | None]:
    """A value that changes whenever one of the files is replaced."""
    return [_identity(path) for paths in files.values() for path in paths]


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _require_whole(folder: Path, listing: Listing, start: date, end: date, error: duckdb.Error) -> None:
    """Finds out whether a read failed because of damaged parts. Any other error is raised again."""
    if damaged := damaged_months(folder, listing, _months(listing, start, end)):
        raise PartsLost(damaged) from error
    raise error


def _months_with_figures(connection: DuckDBPyConnection, months: Iterable[str]) -> list[str]:
    spans = {month: days_of(month) for month in sorted(months)}
    query = f"SELECT EXISTS (FROM {DAILY} WHERE day BETWEEN $first AND $last)"
    return [
        month
        for month, (first, last) in spans.items()
        if connection.execute(query, {"first": first, "last": last}).fetchall() == [(True,)]
    ]


def _export(connection: DuckDBPyConnection, table: str, month: str, target: Path) -> None:
    first, last = days_of(month)
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
