"""Dismisses refused imports: their files will not be imported, and are no longer listed as failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.imports.import_row import Import, get_import
from orders_pipeline.store.schema import imports


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused import that was not dismissed, and the run that refused it."""

    key: str
    run_id: str


class NotRefusedError(ValueError):
    """Only an import that was refused can be dismissed."""

    def __init__(self, key: str, status: ImportStatus) -> None:
        super().__init__(f"The import {key} is {status}. Only a refused import can be dismissed.")


def dismiss_imports(connection: Connection, keys: Iterable[str], actor: str, because: str = "") -> None:
    """Dismisses refused imports. If such a file is imported and refused again, it is listed again.

    Raises:
        UnknownPartitionError: there is no such import.
        NotRefusedError: an import was not refused.
    """
    dismissed = [key for key in keys if _dismiss(connection, key)]
    for key in dismissed:
        record_action(connection, actor, "imports.dismiss", key, because=because)


def open_refusals(connection: Connection) -> list[Refusal]:
    """Returns imports that a run refused and that were not dismissed."""
    query = select(imports.c.partition_key, imports.c.run_id).where(
        imports.c.status == ImportStatus.REFUSED,
        imports.c.dismissed_at.is_(None),
        imports.c.run_id.is_not(None),
    )
    return [Refusal(key, run_id) for key, run_id in connection.execute(query)]


def dismissed_since(connection: Connection, moment_us: int) -> list[str]:
    """Partition keys of refused imports that were dismissed since then."""
    query = select(imports.c.partition_key).where(
        imports.c.status == ImportStatus.REFUSED, imports.c.dismissed_at >= moment_us
    )
    return list(connection.execute(query).scalars())


def require_refused(connection: Connection, key: str) -> Import:
    """Returns the refused import of a partition key.

    Raises:
        UnknownPartitionError: there is no such import.
        NotRefusedError: the import was not refused.
    """
    found = get_import(connection, key)
    if found.status is not ImportStatus.REFUSED:
        raise NotRefusedError(key, found.status)
    return found


def _dismiss(connection: Connection, key: str) -> bool:
    found = require_refused(connection, key)
    this = (imports.c.id == found.id) & imports.c.dismissed_at.is_(None)
    return connection.execute(update(imports).where(this).values(dismissed_at=now_us())).rowcount > 0
