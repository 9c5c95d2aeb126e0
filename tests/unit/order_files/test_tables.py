"""Damaged tables are read exactly or refused with a reason; no record is lost silently."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from benchmarks.pollock import Verdict, judge, read_with_the_importer
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.proposals.table import Table, read_table
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.records.encodings import ASCII
from tests.unit.order_files.datasets import SHARED, dataset

POLLOCK = sorted((SHARED / "datasets" / "pollock" / "csv").glob("*.csv"))
EDGE_CASES = sorted((SHARED / "datasets" / "csv_edge_cases").rglob("*.csv*"))
# The expected result of `location_coordinates` has another telephone number than its file.
SPECTRUM = [
    path
    for path in sorted((SHARED / "datasets" / "csv_edge_cases" / "csv-spectrum" / "csvs").glob("*.csv"))
    if path.stem != "location_coordinates"
]

# Three headers, the table twice, an empty file, and a line that may lack a delimiter or a value.
REFUSED = {
    "file_header_multirow_3.csv",
    "file_multitable_same.csv",
    "file_no_payload.csv",
    "row_less_sep_row32_col6.csv",
}


def test_there_are_damaged_files_to_read() -> None:
    dataset("pollock")
    assert len(POLLOCK) == 32
    assert len(EDGE_CASES) > 90


@pytest.mark.parametrize("path", POLLOCK, ids=lambda path: path.stem)
def test_a_damaged_table_is_never_read_wrong_silently(path: Path) -> None:
    verdict = judge(path, read_with_the_importer)
    assert verdict is (Verdict.REFUSED if path.name in REFUSED else Verdict.EXACT)


@pytest.mark.parametrize("path", EDGE_CASES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_no_record_of_an_edge_case_is_lost(path: Path) -> None:
    try:
        table = read_table(path, ReadOptions())
    except FileRefused as refusal:
        refused = refusal
    else:
        assert table.records == physical_lines(path, table) - inner_line_ends(table)
        counted = strict_count(path, table)
        assert counted in (None, table.records)
        return
    assert path.name in refused.message


@pytest.mark.parametrize("path", SPECTRUM, ids=lambda path: path.stem)
def test_the_csv_spectrum_is_read_to_the_letter(path: Path) -> None:
    table = read_table(path, ReadOptions())
    expected = json.loads((path.parent.parent / "json" / f"{path.stem}.json").read_text())
    rows = [dict(zip(table.header, row, strict=True)) for row in table.rows.iter_rows()]
    assert table.rejects.height == 0
    assert [{k: unified(v) for k, v in row.items()} for row in rows] == [
        {k: unified(v) for k, v in row.items()} for row in expected
    ]


def text_of(path: Path, table: Table) -> str:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    encoding = "utf-8" if table.encoding == ASCII else table.encoding
    return data.decode(encoding, errors="replace").removeprefix("\ufeff").rstrip("\r\n")


def physical_lines(path: Path, table: Table) -> int:
    """Lines after the header, counted without the importer."""
    return len(list(io.StringIO(text_of(path, table), newline=None))) - table.header_line


def inner_line_ends(table: Table) -> int:
    """Line ends inside the fields and the raw texts of the records."""
    rows = sum(field.count("\n") for row in table.rows.iter_rows() for field in row if field)
    return rows + sum(raw.count("\n") for raw in table.rejects["raw"])


def strict_count(path: Path, table: Table) -> int | None:
    """Records after the header by the csv module; None if it fails."""
    text = io.StringIO(text_of(path, table).replace("\x00", "?"), newline="")
    quote = {"quotechar": table.dialect.quote} if table.dialect.quote else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(text, delimiter=table.dialect.delimiter, strict=True, **quote)
    try:
        return len(list(reader)) - table.header_line
    except csv.Error:
        return None


def unified(value: str) -> str:
    """Version control changed the line ends in csv-spectrum's files."""
    return value.replace("\r\n", "\n")
