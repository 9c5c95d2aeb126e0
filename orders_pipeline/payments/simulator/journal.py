"""The simulator's journal in SQLite. One committed row has the outcome and first response of a charge."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.settings import SettingsError

SCHEMA = """
CREATE TABLE IF NOT EXISTS account (seed TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS charges (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    idempotency_key TEXT NOT NULL UNIQUE,
    reference TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL,
    transaction_id TEXT UNIQUE,
    decline_reason TEXT,
    first_answer INTEGER NOT NULL,
    known_at INTEGER NOT NULL,
    CHECK ((transaction_id IS NULL) <> (decline_reason IS NULL))
);
"""
COLUMNS = (
    "number, idempotency_key, reference, amount, currency, transaction_id, decline_reason, first_answer,"
    " known_at"
)


class JournaledCharge(NamedTuple):
    """A charge in the journal.

    Attributes:
        number: position in the journal; 0 before the charge is written.
        first_answer: HTTP status of the first response; every repetition gets the same.
        known_at: microseconds since 1970; the charge is pending until then.
    """

    number: int
    idempotency_key: str
    reference: str
    amount: int
    currency: str
    transaction_id: str | None
    decline_reason: str | None
    first_answer: int
    known_at: int

    @property
    def status(self) -> str:
        """`pending`, `succeeded` or `declined`."""
        if self.known_at > now_us():
            return "pending"
        return "succeeded" if self.transaction_id else "declined"


class Journal:
    """A journal in its own folder, for one process at a time.

    Raises:
        SettingsError: another process uses the folder.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _only_process(folder)
        self._writes = _connect(folder / "journal.db")
        self._writes.executescript(SCHEMA)
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

    def find(self, idempotency_key: str) -> JournaledCharge | None:
        """Returns the charge with this key, if any."""
        query = f"SELECT {COLUMNS} FROM charges WHERE idempotency_key = ?"  # noqa: S608 constant columns
        row = self._reads.execute(query, (idempotency_key,)).fetchone()
        return JournaledCharge(*row) if row else None

    def page(self, after: int, limit: int) -> list[JournaledCharge]:
        """Returns up to `limit` charges after number `after`, oldest first."""
        query = f"SELECT {COLUMNS} FROM charges WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608 constant
        return [JournaledCharge(*row) for row in self._pages.execute(query, (after, limit))]

    def write(self, charges: Sequence[JournaledCharge]) -> None:
        """Commits all charges or none; once this returns, they survive a power failure."""
        statement = (
            "INSERT INTO charges (idempotency_key, reference, amount, currency, transaction_id,"
            " decline_reason, first_answer, known_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )
        with self._writes:
            self._writes.executemany(statement, [charge[1:] for charge in charges])


class GroupCommit:
    """Group commit: charges that arrive during a commit, which waits for the disk, share the next one."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: list[tuple[JournaledCharge, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def write(self, charge: JournaledCharge) -> None:
        """Writes a charge and waits until it is committed.

        Raises:
            sqlite3.Error: the commit failed.
        """
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((charge, committed))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())
        await committed

    async def _write_waiting(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            failure: sqlite3.Error | None = None
            try:
                await asyncio.to_thread(self._journal.write, [charge for charge, _ in group])
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
