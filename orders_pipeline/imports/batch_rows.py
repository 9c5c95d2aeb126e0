"""The rows of a parsed batch, read from its Parquet files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl


@dataclass(frozen=True, slots=True)
class BatchRows:
    """The rows of a parsed batch: one for each order, and one for each line with its order's position."""

    orders: pl.DataFrame
    lines: pl.DataFrame

    def part(self, start: int, length: int) -> BatchRows:
        """The next `length` orders from a position on, with their lines."""
        inside = pl.col("position").is_between(start, start + length - 1)
        return BatchRows(self.orders.slice(start, length), self.lines.filter(inside))

    def of(self, positions: pl.Series) -> BatchRows:
        """Only the orders at these positions."""
        inside = pl.col("position").is_in(positions.implode())
        return BatchRows(self.orders.filter(inside), self.lines.filter(inside))


def read_batch(folder: Path, number: int) -> BatchRows:
    """Reads the two Parquet files of a batch; rows are sorted by position."""
    stem = folder / f"batch-{number:04}"
    return BatchRows(
        pl.read_parquet(f"{stem}.orders.parquet").sort("position"),
        pl.read_parquet(f"{stem}.lines.parquet").sort("position", "line_number"),
    )
