"""The readers' copy of the warehouse: an immutable folder of Parquet files for each version of a day.

`published/2025-11/2025-11-10.000000017/daily_kpis_0.parquet`: the highest number of a day is its current
version. A reader that started on the previous version still finds its files.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TypeVar

import duckdb
from duckdb import DuckDBPyConnection

from orders_pipeline.figures.kpis.warehouse import PUBLISHED, TABLES, quoted, sql

KEPT_VERSIONS = 2
READ_TRIES = 5
Result = TypeVar("Result")


def publish_days(connection: DuckDBPyConnection, folder: Path, days: Iterable[date], scratch: Path) -> None:
    """Publishes the current rows of these days to readers, each day atomically."""
    incoming = scratch / "incoming"
    for table in TABLES:
        connection.execute(
            f"COPY (SELECT * FROM {table} WHERE day IN (SELECT day FROM changed_days)) TO {quoted(incoming)} "  # noqa: S608
            f"(FORMAT parquet, PARTITION_BY (day), WRITE_PARTITION_COLUMNS true, "
            f"FILENAME_PATTERN '{table}_{{i}}', OVERWRITE_OR_IGNORE true)"
        )
    for day in days:
        _publish_day(incoming / f"day={day}", _root(folder) / day.isoformat()[:7], day)


def read_published(
    folder: Path, start: date, end: date, ask: Callable[[DuckDBPyConnection], Result]
) -> Result:
    """The result of a function that reads the published tables from `start` to `end`, inclusive.

    Raises:
        duckdb.IOException: files were removed while they were read, at every try.
    """
    for _ in range(READ_TRIES - 1):
        try:
            with open_published(folder, start, end) as connection:
                return ask(connection)
        except duckdb.IOException:
            continue
    with open_published(folder, start, end) as connection:
        return ask(connection)


@contextmanager
def open_published(folder: Path, start: date, end: date) -> Iterator[DuckDBPyConnection]:
    """An in-memory DuckDB whose tables hold the published days from `start` to `end`, inclusive."""
    with duckdb.connect() as connection:
        connection.execute(sql("schema"))
        connection.execute(sql("macros"))
        for table, paths in _files(folder, start, end).items():
            listed = ", ".join(map(quoted, paths))
            connection.execute(f"DROP TABLE {table}")
            connection.execute(
                f"CREATE VIEW {table} AS FROM read_parquet([{listed}], hive_partitioning = false)"
            )
        yield connection


def latest_days(folder: Path, number: int) -> list[date]:
    """The latest published days, in order."""
    found: list[date] = []
    for month in sorted(_root(folder).glob("*-*"), reverse=True):
        names = {path.name.partition(".")[0] for path in month.iterdir()}
        found += [date.fromisoformat(name) for name in sorted(names, reverse=True)]
        if len(found) >= number:
            break
    return sorted(found[:number])


def last_published(folder: Path) -> float | None:
    """Time of the last publication, in seconds since 1970; None if no day was published."""
    root = _root(folder)
    months = list(root.iterdir()) if root.is_dir() else []
    return max((month.stat().st_mtime for month in months), default=None)


def _files(folder: Path, start: date, end: date) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for version in _present_versions(folder, start, end):
        for path in version.iterdir():
            found.setdefault(path.name.rpartition("_")[0], []).append(path)
    return found


def _present_versions(folder: Path, start: date, end: date) -> Iterable[Path]:
    present: dict[str, Path] = {}
    root = _root(folder)
    months = sorted(root.iterdir()) if root.is_dir() else []
    for month in months:
        if start.isoformat()[:7] <= month.name <= end.isoformat()[:7]:
            # Sorted by name, a later version of a day overwrites an earlier one.
            present.update((path.name.partition(".")[0], path) for path in sorted(month.iterdir()))
    return [path for day, path in present.items() if start.isoformat() <= day <= end.isoformat()]


def _publish_day(incoming: Path, month: Path, day: date) -> None:
    incoming.mkdir(parents=True, exist_ok=True)
    month.mkdir(parents=True, exist_ok=True)
    versions = sorted(month.glob(f"{day}.*"))
    number = int(versions[-1].name.rpartition(".")[2]) + 1 if versions else 1
    incoming.rename(month / f"{day}.{number:09}")
    for old in versions[: len(versions) + 1 - KEPT_VERSIONS]:
        shutil.rmtree(old, ignore_errors=True)


def _root(folder: Path) -> Path:
    return folder / PUBLISHED
