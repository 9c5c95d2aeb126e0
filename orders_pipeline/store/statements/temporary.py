"""Temporary tables, in which a transaction keeps rows that several of its statements read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Select, Table, delete, insert
from sqlalchemy.schema import CreateTable


def temporary(name: str, *columns: Column[Any]) -> Table:
    """Defines a temporary table. PostgreSQL empties it after each transaction, SQLite keeps its rows."""
    return Table(name, MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DELETE ROWS")


def empty(connection: Connection, table: Table) -> None:
    """Creates a temporary table if this session has none yet, and removes its rows."""
    connection.execute(CreateTable(table, if_not_exists=True))
    connection.execute(delete(table))


def fill(connection: Connection, table: Table, rows: Select[Any], columns: Sequence[str] = ()) -> int:
    """Replaces the rows of a temporary table by those of a query, and returns their number.

    Args:
        columns: names of the query's columns in the table; all columns of the table if empty.
    """
    empty(connection, table)
    names = columns or table.columns.keys()
    return connection.execute(insert(table).from_select(list(names), rows)).rowcount
