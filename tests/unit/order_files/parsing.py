"""Runs the importer on a file and collects its output."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.columns.identify import identify
from orders_pipeline.order_files.orders.parse import parse_order_file
from orders_pipeline.order_files.parsed_file import ParsedFile
from orders_pipeline.order_files.read_options import ParseRules, ReadOptions

RULES = ParseRules(currency="USD", timezone="UTC", first_day=date(2000, 1, 1), last_day=date(2026, 11, 22))


SCHEMAS: dict[str, dict[str, type[pl.DataType]]] = {
    "number": {
        "number": pl.String,
        "total": pl.Int64,
        "lines": pl.Int32,
        "ordered_at": pl.Int64,
        "day": pl.Date,
    },
    "record": {"record": pl.Int64, "sku": pl.String, "quantity": pl.Int64, "total": pl.Int64},
    "line": {"line": pl.Int64, "order_number": pl.String, "code": pl.String, "raw": pl.String},
}


@dataclass(frozen=True)
class Imported:
    identified: Identified
    parsed: ParsedFile
    orders: pl.DataFrame
    lines: pl.DataFrame
    rejects: pl.DataFrame

    @property
    def revenue(self) -> Decimal:
        return Decimal(int(self.orders["total"].sum())) / 100

    def codes(self) -> list[str]:
        return self.rejects["code"].to_list()


def parse(
    path: Path, target: Path, profile: str | None = None, rules: ParseRules = RULES, **options: str | None
) -> Imported:
    identified = identify(path, profile, ReadOptions(**options))
    return imported(identified, parse_order_file(path, identified, rules, target), target)


def imported(identified: Identified, parsed: ParsedFile, target: Path) -> Imported:
    """Collects what the importer wrote into a folder."""
    return Imported(
        identified,
        parsed,
        _read(target, "batch-*.orders.parquet", "number"),
        _read(target, "batch-*.lines.parquet", "record"),
        _read(target, "rejects-*.parquet", "line"),
    )


def _read(folder: Path, pattern: str, order: str) -> pl.DataFrame:
    files = sorted(folder.glob(pattern))
    tables = [pl.read_parquet(file).with_columns(batch=pl.lit(file.name[6:10])) for file in files]
    return pl.concat(tables).sort(order) if tables else pl.DataFrame(schema=SCHEMAS[order])
