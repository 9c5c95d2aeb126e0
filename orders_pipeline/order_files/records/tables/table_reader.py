"""Reads the records of a table into the same frames as the reader of delimited text."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import polars as pl

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.record_layout import Layout
from orders_pipeline.order_files.records.records import mark_undecodable
from orders_pipeline.order_files.records.source import Source
from orders_pipeline.order_files.records.tables.cell_text import CellText
from orders_pipeline.order_files.records.tables.known_tables import TABLES
from orders_pipeline.order_files.records.text import STAND_IN

_QUOTED = '[",\r\n]'


def table_rows(
    source: Source, cells: CellText, header: tuple[str, ...] | None = None
) -> Generator[pl.DataFrame]:
    """Yields all rows of a table, the header row first, as `TableFormat.frames` does.

    Raises:
        FileRefused: the file is damaged, encrypted, or unpacks to too much.
    """
    known = TABLES[source.content]
    try:
        yield from known.frames(source, cells, header)
    except FileRefused:
        raise
    except known.errors as error:
        raise _damaged(source, error) from None


def tables_in(source: Source) -> dict[str, bool]:
    """Returns whether each table in a file is visible, by its name.

    Raises:
        FileRefused: the file is damaged or encrypted.
    """
    known = TABLES[source.content]
    try:
        return known.tables(source)
    except FileRefused:
        raise
    except known.errors as error:
        raise _damaged(source, error) from None


def _damaged(source: Source, error: BaseException) -> FileRefused:
    said = str(error) or type(error).__name__
    message = f"{source.name} is damaged. It cannot be read as {TABLES[source.content].label}: {said}."
    return FileRefused("file_damaged", message, "Export, copy or download it again.")


def table_records(
    source: Source, cells: CellText, layout: Layout, header: tuple[str, ...]
) -> Iterator[pl.DataFrame]:
    """Yields the records of a table in the layout's schema; their text is a line of CSV.

    Raises:
        FileRefused: see `table_rows`.
    """
    record = 1 - layout.skip_records
    for rows in table_rows(source, cells, header):
        frame = _records(rows, record, layout)
        skipped = max(0, 1 - record)
        record += rows.height
        if frame.height > skipped:
            yield frame.slice(skipped)


def _records(rows: pl.DataFrame, first: int, layout: Layout) -> pl.DataFrame:
    rows = _without_nul(rows, layout)
    cells = [_cell(rows, at) for at in range(layout.width)]
    fields = {name: cells[at] for name, at in layout.columns.items()}
    text = pl.concat_str([_csv_field(cell) for cell in cells], separator=",")
    frame = rows.select(
        record=pl.int_range(first, first + rows.height, dtype=pl.Int64),
        line="line",
        raw=pl.coalesce("raw", text),
        problem="problem",
        detail="detail",
        **fields,
    )
    return mark_undecodable(frame)


def _cell(rows: pl.DataFrame, at: int) -> pl.Expr:
    return pl.col(str(at)) if str(at) in rows.columns else pl.lit("")


def _csv_field(cell: pl.Expr) -> pl.Expr:
    quoted = pl.concat_str([pl.lit('"'), cell.str.replace_all('"', '""', literal=True), pl.lit('"')])
    return pl.when(cell.str.contains(_QUOTED)).then(quoted).otherwise(cell)


def _without_nul(rows: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Replaces each NUL with its stand-in character, as `text.py` does for text."""
    names = [str(at) for at in range(layout.width) if str(at) in rows.columns]
    return rows.with_columns(pl.col(names).str.replace_all("\0", chr(STAND_IN), literal=True))
