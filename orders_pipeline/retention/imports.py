"""Removes old data of imports: batches, originals and rejects.

Each import is checked again under its lock, so an import that was launched or reopened meanwhile keeps its
data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, delete, func, or_, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import ENDED_IMPORTS, ImportStatus
from orders_pipeline.imports.results.report import count_rejects
from orders_pipeline.imports.state.status import lock_import
from orders_pipeline.staging.staging import Staging
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import duplicate_orders, imports, rejects, result_changes

Act = Callable[[Connection, int, str], dict[str, Any]]


def remove_batches(engine: Engine, staging: Staging, before: int, *, dry: bool) -> int:
    """Removes the parsed batches of imports that were settled before a time.

    Args:
        before: microseconds since 1970.

    Returns:
        The number of imports.
    """

    def act(_: Connection, __: int, key: str) -> dict[str, Any]:
        staging.remove_batches(key)
        return {}

    return _each(engine, imports.c.batches_removed_at, (ImportStatus.FINISHED,), before, act, dry=dry)


def remove_originals(engine: Engine, staging: Staging, before: int, *, dry: bool) -> int:
    """Removes the staged files and batches of imports that were settled or refused before a time.

    Args:
        before: microseconds since 1970.

    Returns:
        The number of imports.
    """

    def act(_: Connection, __: int, key: str) -> dict[str, Any]:
        staging.remove(key)
        return {"batches_removed_at": now_us()}

    return _each(engine, imports.c.original_removed_at, ENDED_IMPORTS, before, act, dry=dry)


def remove_rejects(engine: Engine, before: int, *, dry: bool) -> int:
    """Removes the rejects of imports that were settled or refused before a time; keeps their counts by code.

    The notes of duplicate orders go with them, because the results of such a file are not whole any more.

    Args:
        before: microseconds since 1970.

    Returns:
        The number of imports.
    """

    def act(connection: Connection, import_id: int, _: str) -> dict[str, Any]:
        counted = count_rejects(connection, import_id)
        for table in (rejects, duplicate_orders, result_changes):
            connection.execute(delete(table).where(table.c.import_id == import_id))
        return {"removed_rejects": counted}

    some = or_(
        *(
            select(table).where(table.c.import_id == imports.c.id).exists()
            for table in (rejects, duplicate_orders)
        )
    )
    return _each(engine, imports.c.rejects_removed_at, ENDED_IMPORTS, before, act, some, dry=dry)


def remove_files_of(engine: Engine, staging: Staging, import_id: int) -> int:
    """Removes the staged file and the batches of one ended import; returns how many imports."""

    def act(_: Connection, __: int, key: str) -> dict[str, Any]:
        staging.remove(key)
        return {"batches_removed_at": now_us()}

    mark = imports.c.original_removed_at
    due = select(imports.c.id, imports.c.partition_key).where(
        mark.is_(None), imports.c.status.in_(ENDED_IMPORTS)
    )
    return _remove(engine, due, mark, import_id, act)


def _each(
    engine: Engine,
    mark: Column[Any],
    statuses: Sequence[ImportStatus],
    before: int,
    act: Act,
    *more: ColumnElement[bool],
    dry: bool,
) -> int:
    ended_at = func.coalesce(imports.c.settled_at, imports.c.started_at, imports.c.staged_at)
    due = select(imports.c.id, imports.c.partition_key).where(
        mark.is_(None), imports.c.status.in_(statuses), ended_at < before, *more
    )
    with reading(engine) as connection:
        found = connection.execute(due.order_by(imports.c.id)).all()
    return len(found) if dry else sum(_remove(engine, due, mark, row.id, act) for row in found)


def _remove(engine: Engine, due: Any, mark: Column[Any], import_id: int, act: Act) -> int:
    with engine.begin() as connection:
        lock_import(connection, import_id)
        row = connection.execute(due.where(imports.c.id == import_id)).one_or_none()
        if row is None:
            return 0
        # The mark is written last: if the process dies before, the next run repeats the removal.
        noted = {mark.name: now_us(), **act(connection, import_id, row.partition_key)}
        connection.execute(update(imports).where(imports.c.id == import_id).values(noted))
        return 1
