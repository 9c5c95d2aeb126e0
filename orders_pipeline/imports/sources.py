"""Sources: where the orders of files come from, a part of their identity."""

from __future__ import annotations

from sqlalchemy import Connection, select

from orders_pipeline.store.schema import sources
from orders_pipeline.store.upsert import insert_into


def find_source(connection: Connection, name: str) -> int | None:
    """Id of a source, if any file came from it."""
    found: int | None = connection.execute(select(sources.c.id).where(sources.c.name == name)).scalar()
    return found


def source_id(connection: Connection, name: str) -> int:
    """Id of a source, which is noted where it is new."""
    known = find_source(connection, name)
    if known is not None:
        return known
    connection.execute(insert_into(connection, sources).values(name=name).on_conflict_do_nothing())
    query = select(sources.c.id).where(sources.c.name == name)
    return int(connection.execute(query).scalar_one())
