"""Imports that are not launched again on their own: stalled ones, and those with a poison batch."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Engine, and_, exists, or_, select

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.imports.state.status import forgive_tries, lock_import, reopen_import
from orders_pipeline.imports.state.tries import MOST_TRIES
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import batches, imports, sources


def stalled_imports(engine: Engine, key: str | None = None, source: str | None = None) -> list[str]:
    """Partition keys of stalled imports, oldest first; of one file or source if named."""
    query = select(imports.c.partition_key).join(sources).where(_stalled()).order_by(imports.c.id)
    if key:
        query = query.where(imports.c.partition_key == key)
    if source:
        query = query.where(sources.c.name == source)
    with reading(engine) as connection:
        return list(connection.execute(query).scalars())


def retry_stalled(engine: Engine, keys: list[str], actor: str) -> list[str]:
    """Reopens imports that are still stalled, and resets their launches and tries; returns their keys.

    A reopened import must be run again. The caller launches it; otherwise the watchdog does.
    """
    reopened = []
    for key in keys:
        with engine.begin() as connection:
            if _reopen(connection, key):
                record_action(connection, actor, "imports.retry", key)
                reopened.append(key)
    return reopened


def _reopen(connection: Connection, key: str) -> bool:
    this = imports.c.partition_key == key
    import_id = connection.execute(select(imports.c.id).where(this)).scalar_one()
    lock_import(connection, import_id)
    if connection.execute(select(imports.c.id).where(this, _stalled())).first() is None:
        return False
    forgive_tries(connection, import_id)
    reopen_import(connection, import_id)
    return True


def _stalled() -> ColumnElement[bool]:
    poisoned = exists().where(batches.c.import_id == imports.c.id, batches.c.tries >= MOST_TRIES)
    at_work = imports.c.status == ImportStatus.RUNNING
    return or_(imports.c.status == ImportStatus.STALLED, and_(at_work, poisoned))
