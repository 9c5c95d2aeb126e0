"""A copy of a SQLite order store, taken while others write to it, and its return."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

from orders_pipeline.backup.errors import BackupError

COPY = "orders.db"
SIDE_FILES = ("-wal", "-shm")
ALL_FINDINGS = 2**31 - 1
NULL_VALUE = re.compile(r"NULL value in (\w+)\.(\w+)")


def copy_out(url: str, folder: Path) -> None:
    """Copies the store as it is at one moment; writers are not kept waiting."""
    with closing(sqlite3.connect(database_file(url))) as store, closing(_connect(folder / COPY)) as copy:
        store.backup(copy)
        # As one plain file: the store's write-ahead log is not part of the backup.
        copy.execute("PRAGMA journal_mode = DELETE")
        _require_sound(copy)


def url_of_copy(folder: Path) -> str:
    """The SQLite URL of a copy."""
    return f"sqlite:///{folder / COPY}"


def require_sound(folder: Path) -> None:
    """Makes sure that a copy can be read.

    Raises:
        BackupError: it is damaged.
    """
    with closing(_connect(folder / COPY)) as copy:
        _require_sound(copy)


def put_back(url: str, folder: Path, put_aside: str) -> Path | None:
    """Makes the copy the store; where the store that was there lies now.

    Args:
        put_aside: end of the name that the present store gets.
    """
    target = database_file(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    incoming = target.with_name(f"{target.name}.restoring")
    with closing(_connect(folder / COPY)) as copy, closing(_connect(incoming)) as store:
        copy.backup(store)
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
        # A log of the old store would be taken for one of the new.
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
        # Without a number it stops after a hundred findings, and all of them may be false.
        for (found,) in connection.execute(f"PRAGMA quick_check({ALL_FINDINGS})"):
            if found != "ok" and _is_true(connection, found):
                return str(found)
    except sqlite3.DatabaseError as error:
        return str(error)
    return None


def _is_true(connection: sqlite3.Connection, found: str) -> bool:
    """SQLite 3.40 sees NULLs where a table without row ids has its key behind other columns."""
    if not (null := NULL_VALUE.fullmatch(found)):
        return True
    table, column = null.groups()
    # `IS NULL` is answered without a look at the rows where the column is declared NOT NULL.
    query = f'SELECT 1 FROM "{table}" WHERE typeof("{column}") = \'null\' LIMIT 1'  # noqa: S608 both are words
    return connection.execute(query).fetchone() is not None
