"""Noting staged files as imports, and how they are to be read."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.imports.import_row import Import, find_import, get_import, is_parsed
from orders_pipeline.staging.staging import StagedFile
from orders_pipeline.store.schema import imports, sources
from orders_pipeline.store.upsert import insert_into


def add_import(
    connection: Connection,
    staged: StagedFile,
    profile: str,
    source: str,
    identified: dict[str, Any],
    max_rejects: str | None = None,
) -> Import:
    """Notes a staged file, or finds it noted already; what is said now counts until it is parsed."""
    if find_import(connection, staged.key) is None:
        new = insert_into(connection, imports).values(
            partition_key=staged.key,
            file_name=staged.name,
            file_sha256=staged.sha256,
            file_bytes=staged.bytes,
            profile=profile,
            source_id=_source_id(connection, source),
            identified=identified,
            status=ImportStatus.STAGED,
            staged_at=now_us(),
        )
        connection.execute(new.on_conflict_do_nothing())
    found = get_import(connection, staged.key)
    connection.execute(update(imports).where(imports.c.id == found.id).values(original_removed_at=None))
    if is_parsed(found):
        return found
    return read_as(connection, found, profile, source, identified, max_rejects)


def read_as(
    connection: Connection,
    found: Import,
    profile: str,
    source: str,
    identified: dict[str, Any],
    max_rejects: str | None,
) -> Import:
    """Notes how a file that is not parsed yet is to be read."""
    values = {
        "profile": profile,
        "source_id": _source_id(connection, source),
        "identified": identified,
        "max_rejects": max_rejects,
    }
    not_parsed = (imports.c.id == found.id) & (imports.c.records == 0)
    connection.execute(update(imports).where(not_parsed).values(values))
    return get_import(connection, found.key)


def _source_id(connection: Connection, name: str) -> int:
    query = select(sources.c.id).where(sources.c.name == name)
    known: int | None = connection.execute(query).scalar_one_or_none()
    if known is None:
        connection.execute(insert_into(connection, sources).values(name=name).on_conflict_do_nothing())
        known = connection.execute(query).scalar_one()
    return known
