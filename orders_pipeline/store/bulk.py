"""Writes whole frames: COPY on PostgreSQL, one prepared statement over all rows on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from io import BytesIO
from typing import Any

import polars as pl
from sqlalchemy import Connection, Dialect, Table

Insertion = Callable[[Connection], None]


def insert_frame(connection: Connection, table: Table, frame: pl.DataFrame, on_conflict: str = "") -> None:
    """Inserts a frame, as `prepare_insert` says, at once."""
    prepare_insert(connection.dialect, table, frame, on_conflict)(connection)


def prepare_insert(dialect: Dialect, table: Table, frame: pl.DataFrame, on_conflict: str = "") -> Insertion:
    """What inserts a frame whose columns are named as the table's, brought into the driver's form before
    the transaction: while one lasts, others wait for the store.

    Args:
        on_conflict: what to do with rows that are there, as SQL from `ON CONFLICT` on. PostgreSQL takes row
            locks in the frame's order, so a frame with this argument comes sorted by its key.
    """
    if frame.is_empty():
        return _insert_nothing
    if dialect.name == "postgresql":
        return partial(_copy, table=table, columns=_columns(frame), csv=_csv(frame), on_conflict=on_conflict)
    marks = ", ".join("?" * frame.width)
    sql = f"INSERT INTO {table.name} ({_columns(frame)}) VALUES ({marks}) {on_conflict}"  # noqa: S608 names from the schema
    return partial(_execute_many, sql=sql, rows=_bindable(frame).rows())


def _insert_nothing(_connection: Connection) -> None:
    pass


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
    incoming = _incoming(connection, table, _columns(frame), _csv(frame))
    assignments = ", ".join(f"{name} = incoming.{name}" for name in values)
    condition = " AND ".join(f"{table.name}.{name} = incoming.{name}" for name in keys)
    # The planner knows nothing of rows this new: without the range it reads the whole table for each part.
    ids = [int(row[len(values)]) for row in rows]
    condition += f" AND {table.name}.{keys[0]} BETWEEN {min(ids)} AND {max(ids)}"
    return connection.exec_driver_sql(
        f"UPDATE {table.name} SET {assignments} FROM {incoming} AS incoming "  # noqa: S608
        f"WHERE {condition} AND {table.name}.status = '{expected}'"
    ).rowcount


def _execute_many(connection: Connection, sql: str, rows: list[tuple[Any, ...]]) -> None:
    connection.exec_driver_sql(sql, rows)


def _copy(connection: Connection, table: Table, columns: str, csv: bytes, on_conflict: str) -> None:
    if not on_conflict:
        _copy_into(connection, table.name, columns, csv)
        return
    incoming = _incoming(connection, table, columns, csv)
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {incoming} {on_conflict}"  # noqa: S608
    )


def _incoming(connection: Connection, table: Table, columns: str, csv: bytes) -> str:
    """A temporary table with these rows and no constraints."""
    name = f"incoming_{table.name}"
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS pg_temp.{name}")
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT {columns} FROM {table.name} WITH NO DATA"  # noqa: S608
    )
    _copy_into(connection, name, columns, csv)
    return name


def _copy_into(connection: Connection, target: str, columns: str, csv: bytes) -> None:
    cursor: Any = connection.connection.cursor()
    with closing(cursor):
        cursor.copy_expert(f"COPY {target} ({columns}) FROM STDIN (FORMAT csv)", BytesIO(csv))


def _columns(frame: pl.DataFrame) -> str:
    return ", ".join(frame.columns)


def _bindable(frame: pl.DataFrame) -> pl.DataFrame:
    dates = [name for name, kind in frame.schema.items() if kind == pl.Date]
    return frame.with_columns(pl.col(dates).dt.to_string("%Y-%m-%d")) if dates else frame


def _csv(frame: pl.DataFrame) -> bytes:
    buffer = BytesIO()
    frame.write_csv(buffer, include_header=False)
    return buffer.getvalue()
