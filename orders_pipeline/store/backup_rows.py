"""The table of backups: when each began and ended, and why it failed.

Times are in microseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, func, insert, inspect, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.telemetry.stack_trace import message_of
from orders_pipeline.store.leftovers import was_killed
from orders_pipeline.store.schema import backups

SECOND_US = 1_000_000
# A backup locks its unfinished copy within this time.
LOCKED_WITHIN_US = 10 * SECOND_US
# No backup takes longer. One without an end was killed, even if its folder cannot be checked.
ENDS_WITHIN_US = 6 * 3_600 * SECOND_US
GOOD = (backups.c.ended_at.is_not(None), backups.c.error.is_(None))


@dataclass(frozen=True, slots=True)
class FailedBackup:
    """A backup that failed after the last good one."""

    started_at: int
    folder: str
    reason: str


@contextmanager
def noting_backup(engine: Engine, folder: Path) -> Iterator[None]:
    """Records the backup that the block makes. A store that needs an upgrade may lack the table."""
    if not inspect(engine).has_table(backups.name):
        yield
        return
    with engine.begin() as connection:
        started = insert(backups).values(started_at=now_us(), folder=str(folder)).returning(backups.c.id)
        number = connection.execute(started).scalar_one()
    try:
        yield
    except BaseException as error:
        _note_end(engine, number, message_of(error) or type(error).__name__)
        raise
    _note_end(engine, number, None)


def last_good_backup(connection: Connection) -> int | None:
    """When the last good backup began; what changed later is not in it."""
    newest: int | None = connection.scalar(select(func.max(backups.c.started_at)).where(*GOOD))
    return newest


def failed_backup(connection: Connection, now: int) -> FailedBackup | None:
    """The newest backup, if it failed or was killed."""
    newest = connection.execute(select(backups).order_by(backups.c.started_at.desc()).limit(1)).first()
    if newest is None:
        return None
    if newest.error is not None:
        return FailedBackup(newest.started_at, newest.folder, newest.error)
    if newest.ended_at is None and _was_killed(newest.folder, newest.started_at, now):
        return FailedBackup(newest.started_at, newest.folder, "it was killed")
    return None


def _was_killed(folder: str, started_at: int, now: int) -> bool:
    age = now - started_at
    if age <= LOCKED_WITHIN_US:
        return False
    with suppress(OSError):
        if was_killed(Path(folder), started_at / SECOND_US):
            return True
    return age > ENDS_WITHIN_US


def note_restored(connection: Connection, made_at: int) -> None:
    """Records in a restored store that its backup succeeded. In the backup itself, it is still running."""
    newest = select(func.max(backups.c.id)).scalar_subquery()
    unfinished = (backups.c.id == newest, backups.c.ended_at.is_(None))
    connection.execute(update(backups).where(*unfinished).values(ended_at=made_at))


def _note_end(engine: Engine, number: int, error: str | None) -> None:
    with engine.begin() as connection:
        ended = update(backups).where(backups.c.id == number)
        connection.execute(ended.values(ended_at=now_us(), error=error))
