"""How PostgreSQL is to join the rows of a window; SQLite needs no word about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text


def join_windows_by_hash(connection: Connection) -> None:
    """Keeps PostgreSQL from probing an index once for each order of a window, until the transaction ends.

    No statistics cover rows this new, so its planner takes thousands of them for one.
    """
    _allow_nested_loops(connection, "off")


@contextmanager
def any_join(connection: Connection) -> Iterator[None]:
    """Lets PostgreSQL choose its joins while the context lasts: for tables that are read without a window."""
    _allow_nested_loops(connection, "on")
    yield
    join_windows_by_hash(connection)


def _allow_nested_loops(connection: Connection, switch: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL enable_nestloop = {switch}"))
