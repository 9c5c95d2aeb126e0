"""Collects rows of texts into frames of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import NamedTuple

import polars as pl

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.source import FREE_BYTES, MAX_RATIO, Source

FRAME_ROWS = 50_000
FRAME_CELLS = 1_000_000
FRAME_CHARS = 16 << 20
MAX_COLUMNS = 16_384


class Row(NamedTuple):
    """A record: its place in the file (line, row or element), the texts of its cells, and its problem.

    `raw` is the text to show for a broken record; if it is None, the text is made from the cells.
    """

    place: int
    cells: list[str]
    problem: str | None = None
    detail: str | None = None
    raw: str | None = None


def row_frames(rows: Iterable[Row]) -> Iterator[pl.DataFrame]:
    """Yields frames with `line`, `problem`, `detail`, `raw` and the cells in columns `0`, `1` ..."""
    held: list[Row] = []
    cells = chars = 0
    for row in rows:
        held.append(row)
        cells += len(row.cells)
        chars += sum(map(len, row.cells))
        if len(held) >= FRAME_ROWS or cells >= FRAME_CELLS or chars >= FRAME_CHARS:
            yield _frame(held)
            held, cells, chars = [], 0, 0
    if held:
        yield _frame(held)


def bounded(source: Source, rows: Iterable[Row]) -> Iterator[Row]:
    """Yields the rows, and refuses the file when their text becomes implausibly larger than the file.

    Raises:
        FileRefused: the text is implausibly large.
    """
    limit, total = max(FREE_BYTES, source.size() * MAX_RATIO), 0
    for row in rows:
        total += len(row.cells) + sum(map(len, row.cells))
        if total > limit:
            raise too_large(source)
        yield row


def too_large(source: Source) -> FileRefused:
    """Returns the refusal of a file with implausibly much text."""
    return FileRefused(
        "archive_too_large",
        f"{source.name} unpacks to more than {MAX_RATIO} times its size.",
        "If you trust the file, save it as CSV and import that.",
    )


def too_wide(source: Source) -> FileRefused:
    """Returns the refusal of a table with too many columns."""
    return FileRefused(
        "too_many_columns",
        f"{source.name} has more than {MAX_COLUMNS:,} columns.",
        "Check that this is an order file. Each object or row must be one order or one line of an order.",
    )


def _frame(rows: list[Row]) -> pl.DataFrame:
    columns = zip_longest(*(row.cells for row in rows), fillvalue="")
    texts = {str(at): _series(list(column)) for at, column in enumerate(columns)}
    own = {
        "line": pl.Series([row.place for row in rows], dtype=pl.Int64),
        "problem": pl.Series([row.problem for row in rows], dtype=pl.String),
        "detail": pl.Series([row.detail for row in rows], dtype=pl.String),
        "raw": pl.Series([row.raw for row in rows], dtype=pl.String),
    }
    return pl.DataFrame({**own, **texts})


def _series(texts: list[str]) -> pl.Series:
    try:
        return pl.Series(texts, dtype=pl.String)
    except UnicodeEncodeError:
        # Half of a surrogate pair: JSON can contain one as an escape, UTF-8 cannot.
        return pl.Series([text.encode("utf-8", "replace").decode() for text in texts], dtype=pl.String)
