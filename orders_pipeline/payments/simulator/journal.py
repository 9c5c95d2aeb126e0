"""The simulator's journal in SQLite. One committed row has the outcome and first response of a request."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.settings import SettingsError

SCHEMA = """
CREATE TABLE IF NOT EXISTS account (seed TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS charges (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    idempotency_key TEXT NOT NULL,
    reference TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL,
    transaction_id TEXT UNIQUE,
    decline_reason TEXT,
    first_answer INTEGER NOT NULL,
    known_at INTEGER NOT NULL,
    held INTEGER NOT NULL DEFAULT 0,
    CHECK ((transaction_id IS NULL) <> (decline_reason IS NULL))
);
CREATE INDEX IF NOT EXISTS charges_by_key ON charges (idempotency_key);
CREATE INDEX IF NOT EXISTS charges_by_reference ON charges (reference);
"""
# Captures and voids of authorized charges, and refunds of captured ones.
OF_CHARGES = """
CREATE TABLE IF NOT EXISTS {table} (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    idempotency_key TEXT NOT NULL,
    reference TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL,
    transaction_id TEXT UNIQUE,
    failure_reason TEXT,
    first_answer INTEGER NOT NULL,
    known_at INTEGER NOT NULL,
    charge TEXT NOT NULL,
    came_back TEXT,
    CHECK ((transaction_id IS NULL) <> (failure_reason IS NULL))
);
CREATE INDEX IF NOT EXISTS {table}_by_key ON {table} (idempotency_key);
CREATE INDEX IF NOT EXISTS {table}_by_reference ON {table} (reference);
CREATE INDEX IF NOT EXISTS {table}_by_charge ON {table} (charge);
"""
# Journals of version 0.1.0 kept each key once; a forgotten key can come again.
UNIQUE_KEYS = "SELECT 1 FROM sqlite_schema WHERE name = 'charges' AND sql LIKE '%key TEXT NOT NULL UNIQUE%'"
WITHOUT_UNIQUE_KEYS = """
ALTER TABLE charges RENAME TO old_charges;
{schema}
INSERT INTO charges SELECT *, 0 FROM old_charges;
DROP TABLE old_charges;
"""
WITHOUT_HELD = (
    "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pragma_table_info('charges') WHERE name = 'held')"
    " AND EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'charges')"
)
CHARGES, REFUNDS, CAPTURES, VOIDS = "charges", "refunds", "captures", "voids"
_SHARED = "idempotency_key, reference, amount, currency, transaction_id"
_OF_CHARGE = f"{_SHARED}, failure_reason, first_answer, known_at, charge"
WRITTEN = {
    CHARGES: f"{_SHARED}, decline_reason, first_answer, known_at, held",
    **dict.fromkeys((REFUNDS, CAPTURES, VOIDS), _OF_CHARGE),
}
# A capture that was declined releases its charge, as a void does.
HOLD = """
CASE WHEN NOT held OR transaction_id IS NULL THEN ''
     WHEN EXISTS (SELECT 1 FROM captures c WHERE c.charge = charges.transaction_id
                  AND c.transaction_id IS NOT NULL) THEN 'captured'
     WHEN EXISTS (SELECT 1 FROM captures c WHERE c.charge = charges.transaction_id)
       OR EXISTS (SELECT 1 FROM voids v WHERE v.charge = charges.transaction_id) THEN 'voided'
     ELSE 'authorized' END
"""
READ = {
    CHARGES: f"number, {_SHARED}, decline_reason, first_answer, known_at, '', NULL, {HOLD}",
    **dict.fromkeys((REFUNDS, CAPTURES, VOIDS), f"number, {_OF_CHARGE}, came_back"),
}


class Entry(NamedTuple):
    """A charge, refund, capture or void in the journal.

    Attributes:
        table: the table that it belongs to.
        number: position in its table; 0 before it is written.
        reason: why it was declined or failed.
        first_answer: HTTP status of the first response; every repetition gets the same.
        known_at: microseconds since 1970; it is pending until then.
        charge: of a refund, capture or void, the transaction id of its charge; empty for a charge.
        came_back: of a refund that was made and failed after all, why.
        hold: of a charge that was to be captured later: authorized, captured or voided.
    """

    table: str
    number: int
    idempotency_key: str
    reference: str
    amount: int
    currency: str
    transaction_id: str | None
    reason: str | None
    first_answer: int
    known_at: int
    charge: str = ""
    came_back: str | None = None
    hold: str = ""

    @property
    def is_pending(self) -> bool:
        """Whether its outcome is not shown yet."""
        return self.known_at > now_us()


class Journal:
    """A journal in its own folder, for one process at a time.

    Raises:
        SettingsError: another process uses the folder.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _only_process(folder)
        self._folder = folder
        self._writes = _connect(folder / "journal.db")
        _prepare(self._writes)
        self._reads = _connect(folder / "journal.db")
        # Threads read the pages. Sharing their connection, a look-up could miss the newest rows.
        self._pages = _connect(folder / "journal.db")

    def close(self) -> None:
        """Closes the journal and releases the folder."""
        self._pages.close()
        self._reads.close()
        self._writes.close()
        os.close(self._lock)

    def seed(self, wanted: str) -> str:
        """Saves and returns the seed of the outcomes: `wanted`, or the saved one, or a random one."""
        row = self._reads.execute("SELECT seed FROM account").fetchone()
        seed: str = wanted or (row[0] if row else secrets.token_hex(16))
        with self._writes:
            self._writes.execute("DELETE FROM account")
            self._writes.execute("INSERT INTO account VALUES (?)", (seed,))
        return seed

    def with_key(self, table: str, idempotency_key: str) -> list[Entry]:
        """Returns the entries with this key, oldest first; more than one if the key was forgotten."""
        query = f"SELECT {READ[table]} FROM {table} WHERE idempotency_key = ? ORDER BY number"  # noqa: S608 constants
        return [Entry(table, *row) for row in self._reads.execute(query, (idempotency_key,))]

    def with_prefix(self, table: str, prefix: str, after: int, limit: int) -> list[Entry]:
        """Returns up to `limit` entries after number `after` whose reference begins so, oldest first."""
        query = (
            f"SELECT {READ[table]} FROM {table} WHERE reference >= ? AND reference < ? AND number > ?"  # noqa: S608 constants
            " ORDER BY number LIMIT ?"
        )
        bounds = (prefix, f"{prefix}\U0010ffff")
        return [Entry(table, *row) for row in self._reads.execute(query, (*bounds, after, limit))]

    def page(self, table: str, after: int, limit: int) -> list[Entry]:
        """Returns up to `limit` entries after number `after`, oldest first."""
        query = f"SELECT {READ[table]} FROM {table} WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608 constants
        return [Entry(table, *row) for row in self._pages.execute(query, (after, limit))]

    def charge(self, transaction_id: str) -> Entry | None:
        """Returns the charge with this transaction id, if any."""
        query = f"SELECT {READ[CHARGES]} FROM charges WHERE transaction_id = ?"  # noqa: S608 constants
        row = self._reads.execute(query, (transaction_id,)).fetchone()
        return Entry(CHARGES, *row) if row else None

    def refunded(self, charge: str) -> int:
        """Returns how much of a captured charge was refunded."""
        made = "transaction_id IS NOT NULL AND came_back IS NULL"
        query = f"SELECT SUM(amount) FROM refunds WHERE charge = ? AND {made}"  # noqa: S608 a constant
        amount: int | None = self._reads.execute(query, (charge,)).fetchone()[0]
        return amount or 0

    def refund(self, transaction_id: str) -> Entry | None:
        """Returns the refund with this transaction id, if any."""
        query = f"SELECT {READ[REFUNDS]} FROM refunds WHERE transaction_id = ?"  # noqa: S608 constants
        row = self._reads.execute(query, (transaction_id,)).fetchone()
        return Entry(REFUNDS, *row) if row else None

    def fail_late(self, transaction_id: str, reason: str) -> None:
        """Makes a refund fail that was made."""
        # The other connection that writes belongs to the group commit.
        with closing(_connect(self._folder / "journal.db")) as connection, connection:
            statement = "UPDATE refunds SET came_back = ? WHERE transaction_id = ?"
            connection.execute(statement, (reason, transaction_id))

    def write(self, entries: Sequence[Entry]) -> None:
        """Commits all entries or none; once this returns, they survive a power failure."""
        with self._writes:
            for table, group in groupby(sorted(entries, key=attrgetter("table")), key=attrgetter("table")):
                columns = WRITTEN[table]
                values = ", ".join("?" * len(columns.split(",")))
                statement = f"INSERT INTO {table} ({columns}) VALUES ({values})"  # noqa: S608 constants
                self._writes.executemany(statement, map(_written, group))


class GroupCommit:
    """Group commit: entries that arrive during a commit, which waits for the disk, share the next one."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def write(self, entry: Entry) -> None:
        """Writes an entry and waits until it is committed.

        Raises:
            sqlite3.Error: the commit failed.
        """
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, committed))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())
        await committed

    async def _write_waiting(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            failure: sqlite3.Error | None = None
            try:
                await asyncio.to_thread(self._journal.write, [entry for entry, _ in group])
            except sqlite3.Error as error:
                failure = error
            for _, committed in group:
                _settle(committed, failure)


def _settle(committed: asyncio.Future[None], failure: sqlite3.Error | None) -> None:
    if committed.done():
        return
    if failure is None:
        committed.set_result(None)
    else:
        committed.set_exception(failure)


def _written(entry: Entry) -> tuple[object, ...]:
    of_table = bool(entry.hold) if entry.table == CHARGES else entry.charge
    return (*entry[2:10], of_table)


def _prepare(connection: sqlite3.Connection) -> None:
    old = connection.execute(UNIQUE_KEYS).fetchone()
    script = WITHOUT_UNIQUE_KEYS.format(schema=SCHEMA) if old else SCHEMA
    if not old and connection.execute(WITHOUT_HELD).fetchone():
        script += "ALTER TABLE charges ADD COLUMN held INTEGER NOT NULL DEFAULT 0;"
    script += "".join(OF_CHARGES.format(table=table) for table in (REFUNDS, CAPTURES, VOIDS))
    connection.executescript(f"BEGIN; {script} COMMIT;")


def _connect(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(database, check_same_thread=False, timeout=30)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _only_process(folder: Path) -> int:
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise SettingsError(f"another gateway uses the journal in {folder}") from None
    return descriptor
