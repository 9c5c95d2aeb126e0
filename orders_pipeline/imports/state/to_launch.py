"""Imports that need a run: those of files that were dropped into the inbox, and those that were reopened."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select, union_all, update

from orders_pipeline.base.model import ImportStatus
from orders_pipeline.imports.arrival.intake import current_pause
from orders_pipeline.store.schema import imports


@dataclass(frozen=True, slots=True)
class ToLaunch:
    """An import that needs a run.

    Attributes:
        dropped_at: when its file was dropped into the inbox (ns); tells two drops of the same file apart.
        awaits_run: whether no run has begun it, or none since its orders were reopened. Any other may have
            killed a worker.
    """

    key: str
    file_bytes: int
    dropped_at: int | None = None
    awaits_run: bool = True

    @property
    def run_key(self) -> str:
        """The key by which Dagster launches one run only, however often it is asked."""
        return f"{self.key}/{self.dropped_at}"


def imports_to_launch(connection: Connection) -> list[ToLaunch]:
    """Dropped files without a run, unless the intake is paused, and reopened imports; oldest first."""
    is_new = (imports.c.status == ImportStatus.STAGED) & imports.c.run_id.is_(None)
    reopened = (imports.c.status == ImportStatus.RUNNING) & (imports.c.launches == 0)
    row = (imports.c.partition_key, imports.c.file_bytes, imports.c.dropped_at, is_new | reopened)
    # Each of the two finds its imports by an index of its own.
    parts = [select(imports.c.id, *row).where(reopened, imports.c.dropped_at.is_(None))]
    if not current_pause(connection):
        parts.append(select(imports.c.id, *row).where(imports.c.dropped_at.is_not(None)))
    waiting = connection.execute(union_all(*parts)).all()
    return [ToLaunch(*values) for _, *values in sorted(waiting)]


def want_runs(connection: Connection, keys: Collection[str]) -> None:
    """Notes that these imports need a run, like those of files that were just dropped."""
    this = imports.c.partition_key.in_(keys) & (imports.c.status != ImportStatus.FINISHED)
    connection.execute(update(imports).where(this).values(dropped_at=time.time_ns()))


def note_launched(connection: Connection, launched: Iterable[ToLaunch]) -> None:
    """Records that these imports have a run.

    A file that was dropped again in the meantime still needs one.
    """
    for one in launched:
        this = (imports.c.partition_key == one.key) & (imports.c.dropped_at == one.dropped_at)
        connection.execute(update(imports).where(this).values(dropped_at=None))
