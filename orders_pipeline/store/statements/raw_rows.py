"""Rows of large results as the driver returns them: SQLAlchemy's row objects take five times as long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ClauseElement, Connection, Executable

from orders_pipeline.store.driver_errors import driver_errors

CHUNK_ROWS = 50_000


def rows_of(connection: Connection, query: Executable) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    with connection.execute(query) as result:
        cursor: Any = result.cursor
        with driver_errors(connection):
            return list(cursor.fetchall())


def chunks_of(connection: Connection, query: ClauseElement) -> Iterator[list[tuple[Any, ...]]]:
    """Yields the rows of a query in chunks, so that they are never all in memory."""
    sql = query.compile(connection, compile_kwargs={"literal_binds": True})
    with driver_errors(connection), _cursor(connection) as cursor:
        cursor.execute(str(sql))
        while rows := cursor.fetchmany(CHUNK_ROWS):
            yield rows


@contextmanager
def _cursor(connection: Connection) -> Iterator[Any]:
    # Without a cursor on the server, PostgreSQL's client holds the whole result in memory.
    on_server = {"name": "large_result"} if connection.dialect.name == "postgresql" else {}
    cursor = connection.connection.cursor(**on_server)
    try:
        yield cursor
    finally:
        cursor.close()
