"""Rejects: the lines of an order file that were rejected, each with its place, reason and text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl
from sqlalchemy import Connection, delete, null, select, update

from orders_pipeline.order_files.reject_codes import FOUND_IN_STORE
from orders_pipeline.order_files.rejects.export import RejectedLine
from orders_pipeline.store.schema import imports, rejects
from orders_pipeline.store.statements.bulk import insert_frame

ROWS_AT_ONCE = 10_000


def keep_rejects(connection: Connection, import_id: int, found: Iterable[Path]) -> None:
    """Replaces the rejects of an import that has loaded no order yet.

    Args:
        found: Parquet files of rejects: record, line, order_number, column, code, message, hint, raw.
    """
    connection.execute(delete(rejects).where(rejects.c.import_id == import_id))
    kept = {"rejects_removed_at": None, "removed_rejects": null()}
    connection.execute(update(imports).where(imports.c.id == import_id).values(kept))
    for file in found:
        rows = pl.read_parquet(file).rename({"column": "column_name"})
        rows = rows.with_columns(import_id=pl.lit(import_id), item=item_of_record())
        insert_frame(connection, rejects, rows)


def rejects_in(folder: Path) -> list[Path]:
    """The Parquet files of rejects in the folder of a parsed file."""
    return sorted(folder.glob("rejects-*.parquet"))


def item_of_record() -> pl.Expr:
    """Position of a row among those of its record, because a packed record has several items."""
    return pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("record")


def rejected_lines(connection: Connection, import_id: int) -> Iterator[RejectedLine]:
    """Yields the rejects of an import in file order, so that they are never all in memory.

    Those of conflicting orders have no text."""
    table = rejects.c
    columns = (table.record, table.line, table.code, table.column_name, table.message, table.hint, table.raw)
    query = select(*columns).where(table.import_id == import_id).order_by(table.record, table.item)
    for row in connection.execute(query.execution_options(yield_per=ROWS_AT_ONCE)):
        yield RejectedLine(*row)


def records_without_text(connection: Connection, import_id: int) -> set[int]:
    """The records whose text only the original file has."""
    rejected_later = select(rejects.c.order_number).where(
        rejects.c.import_id == import_id,
        rejects.c.code.in_(FOUND_IN_STORE),
    )
    query = select(rejects.c.record).where(
        rejects.c.import_id == import_id, rejects.c.raw == "", rejects.c.order_number.in_(rejected_later)
    )
    return set(connection.execute(query).scalars())
