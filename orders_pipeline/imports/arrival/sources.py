"""Sources of orders. The source is a part of an order's identity."""

from __future__ import annotations

from sqlalchemy import Connection, select

from orders_pipeline.store.schema import sources
from orders_pipeline.store.statements.upsert import insert_into


def find_source(connection: Connection, name: str) -> int | None:
    """Returns the id of a source; None if no file came from it yet."""
    found: int | None = connection.execute(select(sources.c.id).where(sources.c.name == name)).scalar()
    return found


def source_id(connection: Connection, name: str) -> int:
    """Returns the id of a source; saves a new source."""
    known = find_source(connection, name)
    if known is not None:
        return known
    connection.execute(insert_into(connection, sources).values(name=name).on_conflict_do_nothing())
    query = select(sources.c.id).where(sources.c.name == name)
    return int(connection.execute(query).scalar_one())
