"""Copies a SQLite order store while others write to it, and restores the copy."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

from orders_pipeline.backup.archive import not_restored
from orders_pipeline.backup.errors import BackupError
from orders_pipeline.store.leftovers import RESTORING

COPY = "orders.db"
SIDE_FILES = ("-wal", "-shm")
ALL_FINDINGS = 2**31 - 1
NULL_VALUE = re.compile(r"NULL value in (\w+)\.(\w+)")


def copy_out(url: str, folder: Path) -> None:
    """Copies a consistent snapshot of the store, without blocking writers."""
    with closing(sqlite3.connect(database_file(url))) as store, closing(_connect(folder / COPY)) as copy:
        store.backup(copy)
        # A single file: the write-ahead log is not part of the backup.
        copy.execute("PRAGMA journal_mode = DELETE")
        _require_sound(copy)


def url_of_copy(folder: Path) -> str:
    """The SQLite URL of a copy."""
    return f"sqlite:///{folder / COPY}"


def require_sound(folder: Path) -> None:
    """Checks that a copy is intact.

    Raises:
        BackupError: the copy is damaged.
    """
    with closing(_connect(folder / COPY)) as copy:
        _require_sound(copy)


def put_back(url: str, folder: Path, put_aside: str) -> Path | None:
    """Makes the copy the store. Returns the path of the previous store.

    Args:
        put_aside: suffix of the name for the previous store.

    Raises:
        BackupError: the copy cannot be written, for example because the disk is full.
    """
    target = database_file(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    incoming = target.with_name(f"{target.name}.{RESTORING}")
    try:
        with closing(_connect(folder / COPY)) as copy, closing(_connect(incoming)) as store:
            copy.backup(store)
    except (OSError, sqlite3.OperationalError) as error:
        incoming.unlink(missing_ok=True)
        raise not_restored(incoming, str(error)) from error
    aside = _put_aside(target, put_aside) if target.exists() else None
    incoming.replace(target)
    return aside


def database_file(url: str) -> Path:
    """The file of a SQLite URL."""
    return Path(make_url(url).database or "")


def _put_aside(target: Path, suffix: str) -> Path | None:
    with closing(sqlite3.connect(target)) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        empty = not store.execute("SELECT 1 FROM sqlite_master").fetchone()
    aside = target.with_name(f"{target.name}.{suffix}")
    target.rename(aside)
    for side in SIDE_FILES:
        # SQLite would apply a log of the old store to the new one.
        target.with_name(target.name + side).unlink(missing_ok=True)
    if empty:
        aside.unlink()
        return None
    return aside


def _connect(file: Path) -> sqlite3.Connection:
    file.touch(mode=0o600)
    return sqlite3.connect(file)


def _require_sound(connection: sqlite3.Connection) -> None:
    if damage := _damage(connection):
        raise BackupError("store_damaged", f"The copy of the order store is damaged: {damage}")


def _damage(connection: sqlite3.Connection) -> str | None:
    """The first damage that SQLite finds."""
    try:
        # By default it stops after a hundred findings, which may all be false positives.
        for (found,) in connection.execute(f"PRAGMA quick_check({ALL_FINDINGS})"):
            if found != "ok" and _is_true(connection, found):
                return str(found)
    except sqlite3.DatabaseError as error:
        return str(error)
    return None


def _is_true(connection: sqlite3.Connection, found: str) -> bool:
    """Confirms a finding: SQLite 3.40 reports false NULLs in WITHOUT ROWID tables with a late key column."""
    if not (null := NULL_VALUE.fullmatch(found)):
        return True
    table, column = null.groups()
    # For a column declared NOT NULL, SQLite answers `IS NULL` without reading the rows.
    query = f'SELECT 1 FROM "{table}" WHERE typeof("{column}") = \'null\' LIMIT 1'  # noqa: S608 both are words
    return connection.execute(query).fetchone() is not None
