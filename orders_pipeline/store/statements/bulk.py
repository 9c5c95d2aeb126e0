"""Writes whole frames: COPY on PostgreSQL, one prepared statement over all rows on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache, partial
from io import BytesIO
from itertools import chain
from typing import Any

import polars as pl
from sqlalchemy import Connection, Dialect, Table

from orders_pipeline.store.driver_errors import driver_errors

# The most values in one statement, without those that all rows share. Many rows share a statement, because
# SQLite prepares a table's constraints anew for each.
MOST_MARKS = 800

Insertion = Callable[[Connection], None]


def insert_frame(connection: Connection, table: Table, frame: pl.DataFrame, on_conflict: str = "") -> None:
    """Inserts a frame; see `prepare_insert`."""
    prepare_insert(connection.dialect, table, frame, on_conflict)(connection)


def prepare_insert(dialect: Dialect, table: Table, frame: pl.DataFrame, on_conflict: str = "") -> Insertion:
    """Prepares the insertion of a frame, whose columns are named as the table's.

    The rows are converted for the driver here, before the transaction, because other writers wait while it
    lasts.

    Args:
        on_conflict: what to do with existing rows, as SQL that begins with `ON CONFLICT`. PostgreSQL locks
            rows in the order of the frame, so sort a frame by its key when you use this argument.
    """
    if frame.is_empty():
        return _insert_nothing
    if dialect.name == "postgresql":
        return partial(_copy, table=table, columns=_columns(frame), csv=_csv(frame), on_conflict=on_conflict)
    return _prepare_many(table, _bindable(frame), on_conflict)


def _prepare_many(table: Table, frame: pl.DataFrame, on_conflict: str) -> Insertion:
    """Prepares statements that insert many rows each, with the values that all rows have only once."""
    same = [name for name in frame.columns[1:] if frame[name].n_unique() == 1]
    own = [name for name in frame.columns if name not in same]
    shared, rows = frame.select(same).row(0) if same else (), frame.select(own).rows()
    at_once = max(1, MOST_MARKS // len(own))
    whole = len(rows) - len(rows) % at_once
    columns = ", ".join((*own, *same))
    inserts = [
        (
            f"INSERT INTO {table.name} ({columns}) VALUES {_marks(len(own), len(same), size)} {on_conflict}",  # noqa: S608 names from the schema
            [(*chain.from_iterable(part[at : at + size]), *shared) for at in range(0, len(part), size)],
        )
        for part, size in ((rows[:whole], at_once), (rows[whole:], 1))
        if part
    ]
    return partial(_execute_many, inserts=inserts)


@cache
def _marks(own: int, shared: int, rows: int) -> str:
    """The numbered placeholders of rows. All rows share the last ones."""
    last = [f"?{own * rows + at}" for at in range(1, shared + 1)]
    marks = ([*(f"?{own * row + at}" for at in range(1, own + 1)), *last] for row in range(rows))
    return ", ".join(f"({', '.join(row)})" for row in marks)


def _insert_nothing(_connection: Connection) -> None:
    pass


def update_rows(
    connection: Connection, table: Table, columns: list[str], rows: Sequence[tuple[Any, ...]], expected: str
) -> int:
    """Updates rows by primary key where they have the expected status; returns how many.

    Args:
        columns: those of `rows`: first the ones to set, last the primary key.
    """
    return _update(connection, table, columns, rows, "{new}", f"{table.name}.status = '{expected}'")


def add_to_rows(
    connection: Connection, table: Table, columns: list[str], rows: Sequence[tuple[Any, ...]]
) -> int:
    """Adds numbers to columns of rows, by primary key; returns how many rows.

    Args:
        columns: those of `rows`: first the ones to add to, last the primary key.
    """
    return _update(connection, table, columns, rows, "{old} + {new}", "TRUE")


def _update(
    connection: Connection,
    table: Table,
    columns: list[str],
    rows: Sequence[tuple[Any, ...]],
    value: str,
    condition: str,
) -> int:
    keys = columns[-len(table.primary_key) :]
    names = columns[: -len(keys)]
    if connection.dialect.name == "postgresql":
        return _update_from_copy(connection, table, keys, names, rows, value, condition)
    assignments = ", ".join(f"{name} = {value.format(old=name, new='?')}" for name in names)
    same_key = " AND ".join(f"{name} = ?" for name in keys)
    sql = f"UPDATE {table.name} SET {assignments} WHERE {same_key} AND {condition}"  # noqa: S608
    # A list of tuples goes straight to the driver's executemany.
    return connection.exec_driver_sql(sql, list(rows)).rowcount


def _update_from_copy(
    connection: Connection,
    table: Table,
    keys: list[str],
    names: list[str],
    rows: Sequence[tuple[Any, ...]],
    value: str,
    condition: str,
) -> int:
    frame = pl.DataFrame(rows, schema=[*names, *keys], orient="row", infer_schema_length=None)
    incoming = _incoming(connection, table, _columns(frame), _csv(frame))
    assignments = ", ".join(
        f"{name} = {value.format(old=f'{table.name}.{name}', new=f'incoming.{name}')}" for name in names
    )
    same_key = " AND ".join(f"{table.name}.{name} = incoming.{name}" for name in keys)
    # The planner has no statistics of rows this new. Without the range it would read the whole table.
    ids = [int(row[len(names)]) for row in rows]
    same_key += f" AND {table.name}.{keys[0]} BETWEEN {min(ids)} AND {max(ids)}"
    return connection.exec_driver_sql(
        f"UPDATE {table.name} SET {assignments} FROM {incoming} AS incoming "  # noqa: S608
        f"WHERE {same_key} AND {condition}"
    ).rowcount


def _execute_many(connection: Connection, inserts: list[tuple[str, list[tuple[Any, ...]]]]) -> None:
    for sql, rows in inserts:
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
    """Fills a temporary table without constraints with these rows; returns its name."""
    name = f"incoming_{table.name}"
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS pg_temp.{name}")
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT {columns} FROM {table.name} WITH NO DATA"  # noqa: S608
    )
    _copy_into(connection, name, columns, csv)
    return name


def _copy_into(connection: Connection, target: str, columns: str, csv: bytes) -> None:
    cursor: Any = connection.connection.cursor()
    with driver_errors(connection), closing(cursor):
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
