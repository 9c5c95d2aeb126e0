"""Parquet, one row group after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, BinaryIO

import polars as pl
from polars.io.plugins import register_io_source

from orders_pipeline.base.amounts.quantities import QUANTITY_DIGITS
from orders_pipeline.exports.table import ExportTable, Kind, Row

ROWS_AT_ONCE = 20_000
# Decimals of the currency with the most, and of a line's total.
MONEY = pl.Decimal(38, 4)
TYPES: dict[Kind, Any] = {
    Kind.TEXT: pl.String,
    Kind.INTEGER: pl.Int64,
    Kind.MONEY: MONEY,
    Kind.LINE_MONEY: MONEY,
    Kind.UNITS: pl.Decimal(38, QUANTITY_DIGITS),
    Kind.DECIMAL: pl.Float64,
    Kind.DAY: pl.Date,
    Kind.TIME: pl.Datetime("us", "UTC"),
    Kind.TRUTH: pl.Boolean,
}


def write_parquet(target: BinaryIO, table: ExportTable, rows: Iterable[Row]) -> int:
    """Writes rows as Parquet, and returns how many."""
    frames = _Frames(table, iter(rows))
    lazy = register_io_source(lambda *_: iter(frames), schema=frames.schema)
    try:
        lazy.sink_parquet(target, compression="zstd")
    except pl.exceptions.ComputeError:
        # Polars turns an exception of the rows into one of its own.
        if frames.failed:
            raise frames.failed from None
        raise
    return frames.count


class _Frames:
    """The rows as frames, of which one is in memory."""

    def __init__(self, table: ExportTable, rows: Iterator[Row]) -> None:
        self.schema = {column.name: TYPES[column.kind] for column in table.columns}
        self.count = 0
        self.failed: Exception | None = None
        self._rows = rows

    def __iter__(self) -> Iterator[pl.DataFrame]:
        try:
            while part := list(islice(self._rows, ROWS_AT_ONCE)):
                self.count += len(part)
                yield pl.DataFrame(part, self.schema, orient="row")
        except Exception as failed:
            self.failed = failed
            raise
