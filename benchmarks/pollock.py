"""Reads the damaged tables of Pollock and prints how many come out right: `python -m benchmarks.pollock`.

Each variant of one table is compared with its correct result. Exact: the same header and rows. Refused: the
file is refused, or each missing row was rejected as a line. Silently wrong: all others.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import duckdb
import polars as pl

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.proposals.table import read_table
from orders_pipeline.order_files.read_options import ReadOptions

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "datasets" / "pollock"

Row = tuple[str, ...]


class Verdict(StrEnum):
    """How a damaged file was read."""

    EXACT = "exact"
    REFUSED = "refused"
    WRONG = "silently wrong"


@dataclass(frozen=True, slots=True)
class ReadTable:
    """What a reader made of a file; `refused_lines` it named as bad."""

    header: Row
    rows: list[Row]
    refused_lines: int = 0


Reader = Callable[[Path], ReadTable | None]


def judge(path: Path, reader: Reader) -> Verdict:
    """Compares what `reader` makes of a file with the right result; None from the reader is a refusal."""
    table = reader(path)
    if table is None:
        return Verdict.REFUSED
    with (path.parent.parent / "clean" / path.name).open(newline="", encoding="utf-8") as file:
        expected = [tuple(row) for row in csv.reader(file)]
    header, rows = expected[0] if expected else (), expected[1:]
    if table.rows == rows and (table.header == header or not expected):
        return Verdict.EXACT
    missing = Counter(rows) - Counter(table.rows)
    invented = Counter(table.rows) - Counter(rows)
    same_header = table.header == header or table.refused_lines > 0
    named = not invented and same_header and missing.total() <= table.refused_lines
    return Verdict.REFUSED if named and table.refused_lines else Verdict.WRONG


def read_with_the_importer(path: Path) -> ReadTable | None:
    """This project's reader."""
    try:
        table = read_table(path, ReadOptions())
    except FileRefused:
        return None
    rows = [tuple(str(field) for field in row) for row in table.rows.iter_rows()]
    return ReadTable(table.header, rows, table.rejects.height)


def read_with_duckdb(path: Path) -> ReadTable | None:
    """duckdb with its defaults, columns as text."""
    try:
        relation = duckdb.connect().read_csv(str(path), all_varchar=True)
        rows = [tuple("" if field is None else str(field) for field in row) for row in relation.fetchall()]
    except duckdb.Error:
        return None
    return ReadTable(tuple(relation.columns), rows)


def read_with_polars(path: Path) -> ReadTable | None:
    """polars with its defaults, columns as text."""
    try:
        table = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.PolarsError:
        return None
    rows = [tuple("" if field is None else field for field in row) for row in table.iter_rows()]
    return ReadTable(tuple(table.columns), rows)


READERS: dict[str, Reader] = {
    "orders-pipeline": read_with_the_importer,
    "duckdb": read_with_duckdb,
    "polars": read_with_polars,
}


def main() -> None:
    """Prints the score as a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, help="folder with csv/ and clean/")
    parser.add_argument("--files", action="store_true", help="also name each file")
    arguments = parser.parse_args()
    files = sorted((arguments.folder / "csv").glob("*.csv"))
    verdicts = {name: {path.name: judge(path, reader) for path in files} for name, reader in READERS.items()}
    lines = [f"| {len(files)} files | {' | '.join(Verdict)} |", "|---|---|---|---|"]
    for name, found in verdicts.items():
        counts = Counter(found.values())
        lines.append(f"| {name} | {' | '.join(str(counts[verdict]) for verdict in Verdict)} |")
    if arguments.files:
        lines += [
            f"{path.name}: " + ", ".join(f"{n} {v[path.name]}" for n, v in verdicts.items()) for path in files
        ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
