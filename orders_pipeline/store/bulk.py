"""Writes whole frames: COPY on PostgreSQL, one prepared statement over all rows on SQLite."""

from __future__ import annotations

from io import BytesIO

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


def _execute_many(connection: Connection, table: Table, frame: pl.DataFrame, on_conflict: str) -> None:
    marks = ", ".join("?" * frame.width)
    sql = f"INSERT INTO {table.name} ({_columns(frame)}) VALUES ({marks}) {on_conflict}"  # noqa: S608 names from the schema
    connection.exec_driver_sql(sql, _bindable(frame).rows())


def _copy(connection: Connection, table: Table, frame: pl.DataFrame, on_conflict: str) -> None:
    columns, target = _columns(frame), table.name
    if on_conflict:
        target = f"incoming_{table.name}"
        connection.exec_driver_sql(
            f"CREATE TEMP TABLE IF NOT EXISTS {target} (LIKE {table.name}) ON COMMIT DELETE ROWS"
        )
        for column in table.columns.keys() - frame.columns:
            connection.exec_driver_sql(f"ALTER TABLE {target} ALTER {column} DROP NOT NULL")
    with connection.connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {target} ({columns}) FROM STDIN (FORMAT csv)", _csv(frame))  # type: ignore[attr-defined]
    if on_conflict:
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {target} {on_conflict}"  # noqa: S608
        )
        connection.exec_driver_sql(f"DELETE FROM {target}")  # noqa: S608


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
