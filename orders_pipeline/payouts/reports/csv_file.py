"""Reads a provider's report as CSV: rows with their cells by column name and their line numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.payouts.lines import LineRejected

HINT = "Download the report again as CSV."


@dataclass(frozen=True, slots=True)
class Row:
    """A record of a report; `cells` by header."""

    line: int
    raw: str
    cells: Mapping[str, str]

    def first(self, *names: str) -> str:
        """Returns the cell of the first of these columns that the report has; empty if it has none."""
        return next((self.cells[name] for name in names if name in self.cells), "")

    def needed(self, *names: str) -> str:
        """Returns a cell that must not be blank.

        Raises:
            LineRejected: the cell is blank.
        """
        value = self.first(*names).strip()
        if not value:
            raise LineRejected("value_missing", f"{names[0]} is blank.")
        return value


@dataclass(frozen=True, slots=True)
class CsvReport:
    """The header of a report, and its records: line, text and cells."""

    header: Sequence[str]
    records: Sequence[tuple[int, str, Sequence[str]]]

    def rows(self) -> Iterator[Row | tuple[int, str, LineRejected]]:
        """Yields the records in file order.

        A record with a wrong number of cells is given with the reason.
        """
        for line, raw, cells in self.records:
            if len(cells) == len(self.header):
                yield Row(line, raw, dict(zip(self.header, cells, strict=True)))
            else:
                message = f"The line has {len(cells)} cells, and the header {len(self.header)}."
                yield line, raw, LineRejected("field_count", message)


def read_csv(name: str, text: str) -> CsvReport:
    """Reads a report.

    Raises:
        FileRefused: the file is empty, is not CSV, or ends in the middle of a line.
    """
    # Only the line ends of CSV are counted, because cells may contain other line separators of Unicode.
    lines = StringIO(text, newline="").readlines()
    reader = csv.reader(lines, strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        records = list(_records(reader, lines))
    except csv.Error as error:
        raise FileRefused("report_unreadable", f"{name} is no CSV file: {error}.", HINT) from None
    if not header:
        raise FileRefused("file_empty", f"{name} is empty.", HINT)
    if twice := {column for column in header if header.count(column) > 1}:
        message = f"{name} has the column {min(twice)!r} more than once."
        raise FileRefused("column_ambiguous", message, HINT)
    if records and len(records[-1][2]) < len(header) and not text.endswith(("\n", "\r")):
        raise FileRefused("file_truncated", f"{name} ends in the middle of a line.", HINT)
    return CsvReport(header, records)


def _records(reader: Iterator[list[str]], lines: Sequence[str]) -> Iterator[tuple[int, str, Sequence[str]]]:
    """Yields each record with the number of its first line and with its text."""
    before = reader.line_num  # type: ignore[attr-defined]
    for cells in reader:
        last = reader.line_num  # type: ignore[attr-defined]
        if cells:
            yield before + 1, "".join(lines[before:last]).rstrip("\r\n"), cells
        before = last
