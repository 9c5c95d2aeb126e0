"""Writes whole frames: COPY on PostgreSQL, one prepared statement over all rows on SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from io import BytesIO
from typing import Any

import polars as pl
from sqlalchemy import Connection, Table


def insert_frame(connection: Connection, table: Table, frame: pl.DataFrame, on_conflict: str = "") -> None:
    """Inserts a frame whose columns are named as the table's.

    Args:
        on_conflict: what to do with rows that are there, as SQL from `ON CONFLICT` on. PostgreSQL takes row
            locks in the frame's order, so a frame with this argument comes sorted by its key.
    """
    if frame.is_empty():
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, table, frame, on_conflict)
    else:
        _execute_many(connection, table, frame, on_conflict)


def update_rows(
    connection: Connection, table: Table, columns: list[str], rows: Sequence[tuple[Any, ...]], expected: str
) -> int:
    """Updates the rows that the last columns, the table's key, name; how many had the expected status.

    Args:
        columns: of `rows`, those to set first, those of the primary key last.
    """
    keys = columns[-len(table.primary_key) :]
    values = columns[: -len(keys)]
    if connection.dialect.name == "postgresql":
        return _update_from_copy(connection, table, keys, values, rows, expected)
    assignments = ", ".join(f"{name} = ?" for name in values)
    condition = " AND ".join(f"{name} = ?" for name in keys)
    sql = f"UPDATE {table.name} SET {assignments} WHERE {condition} AND status = '{expected}'"  # noqa: S608
    # A list of tuples goes straight to the driver's executemany.
    return connection.exec_driver_sql(sql, list(rows)).rowcount


def _update_from_copy(
    connection: Connection,
    table: Table,
    keys: list[str],
    values: list[str],
    rows: Sequence[tuple[Any, ...]],
    expected: str,
) -> int:
    frame = pl.DataFrame(rows, schema=[*values, *keys], orient="row", infer_schema_length=None)
    incoming = _incoming(connection, table, frame)
    assignments = ", ".join(f"{name} = incoming.{name}" for name in values)
    condition = " AND ".join(f"{table.name}.{name} = incoming.{name}" for name in keys)
    # The planner knows nothing of rows this new: without the range it reads the whole table for each part.
    ids = [int(row[len(values)]) for row in rows]
    condition += f" AND {table.name}.{keys[0]} BETWEEN {min(ids)} AND {max(ids)}"
    return connection.exec_driver_sql(
        f"UPDATE {table.name} SET {assignments} FROM {incoming} AS incoming "  # noqa: S608
        f"WHERE {condition} AND {table.name}.status = '{expected}'"
    ).rowcount


def _execute_many(connection: Connection, table: Table, frame: pl.DataFrame, on_conflict: str) -> None:
    marks = ", ".join("?" * frame.width)
    sql = f"INSERT INTO {table.name} ({_columns(frame)}) VALUES ({marks}) {on_conflict}"  # noqa: S608 names from the schema
    connection.exec_driver_sql(sql, _bindable(frame).rows())


def _copy(connection: Connection, table: Table, frame: pl.DataFrame, on_conflict: str) -> None:
    if not on_conflict:
        _copy_into(connection, table.name, frame)
        return
    columns, incoming = _columns(frame), _incoming(connection, table, frame)
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {incoming} {on_conflict}"  # noqa: S608
    )


def _incoming(connection: Connection, table: Table, frame: pl.DataFrame) -> str:
    """A temporary table with the frame's rows and no constraints."""
    name = f"incoming_{table.name}"
    columns = _columns(frame)
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS pg_temp.{name}")
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT {columns} FROM {table.name} WITH NO DATA"  # noqa: S608
    )
    _copy_into(connection, name, frame)
    return name


def _copy_into(connection: Connection, target: str, frame: pl.DataFrame) -> None:
    cursor: Any = connection.connection.cursor()
    with closing(cursor):
        cursor.copy_expert(f"COPY {target} ({_columns(frame)}) FROM STDIN (FORMAT csv)", _csv(frame))


def _columns(frame: pl.DataFrame) -> str:
    return ", ".join(frame.columns)


def _bindable(frame: pl.DataFrame) -> pl.DataFrame:
    dates = [name for name, kind in frame.schema.items() if kind == pl.Date]
    return frame.with_columns(pl.col(dates).dt.to_string("%Y-%m-%d")) if dates else frame


def _csv(frame: pl.DataFrame) -> BytesIO:
    buffer = BytesIO()
    frame.write_csv(buffer, include_header=False)
    buffer.seek(0)
    return buffer
