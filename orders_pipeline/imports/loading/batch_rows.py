"""The rows of a parsed batch, read from its Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from orders_pipeline.base.amounts.quantities import QUANTITY_DIGITS


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

    def without(self, positions: pl.Series) -> BatchRows:
        """All orders but those at these positions."""
        outside = ~pl.col("position").is_in(positions.implode())
        return BatchRows(self.orders.filter(outside), self.lines.filter(outside))


def stored_quantity() -> pl.Expr:
    """The column `quantity` of parsed lines, whole or with decimals, in 1/1,000 as the store holds it."""
    exact = pl.col("quantity").cast(pl.Decimal(38, QUANTITY_DIGITS))
    return exact.to_physical().cast(pl.Int64).alias("quantity")


def read_batch(folder: Path, number: int) -> BatchRows:
    """Reads the two Parquet files of a batch; rows are sorted by position."""
    return _read(folder / f"batch-{number:04}")


def read_returns(folder: Path) -> Iterator[BatchRows]:
    """Yields the returns of a parsed file, in the form of its batches."""
    for file in sorted(folder.glob("returns-*.orders.parquet")):
        yield _read(file.with_name(file.name.removesuffix(".orders.parquet")))


def _read(stem: Path) -> BatchRows:
    return BatchRows(
        pl.read_parquet(f"{stem}.orders.parquet").sort("position"),
        pl.read_parquet(f"{stem}.lines.parquet").sort("position", "line_number"),
    )
