"""Imports whose file was dropped into the inbox and that have no run yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from orders_pipeline.base.model import ImportStatus
from orders_pipeline.store.schema import imports


@dataclass(frozen=True, slots=True)
class ToLaunch:
    """An import that needs a run; `dropped_at` (ns) tells two drops of the same file apart.

    Attributes:
        is_new: whether no run has worked on it yet.
    """

    key: str
    file_bytes: int
    dropped_at: int
    is_new: bool = True

    @property
    def run_key(self) -> str:
        """The key by which Dagster launches one run only, however often it is asked."""
        return f"{self.key}/{self.dropped_at}"


def imports_to_launch(connection: Connection) -> list[ToLaunch]:
    """Imports without a run, oldest first."""
    is_new = (imports.c.status == ImportStatus.STAGED) & imports.c.run_id.is_(None)
    columns = (imports.c.partition_key, imports.c.file_bytes, imports.c.dropped_at, is_new)
    query = select(*columns).where(imports.c.dropped_at.is_not(None)).order_by(imports.c.id)
    return [ToLaunch(*row) for row in connection.execute(query)]


def note_launched(connection: Connection, launched: Iterable[ToLaunch]) -> None:
    """Notes that these imports have a run. A file that was dropped again meanwhile still needs one."""
    for one in launched:
        this = (imports.c.partition_key == one.key) & (imports.c.dropped_at == one.dropped_at)
        connection.execute(update(imports).where(this).values(dropped_at=None))
