"""Excel workbooks, written row by row in constant memory.

Every text is a text cell in the number format "text": an id keeps its zeros, and a formula stays a text even
after its cell is edited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, BinaryIO

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from orders_pipeline.exports.table import ExportTable, Kind, Row

MOST_ROWS = 1_048_576
# Excel keeps 15 digits of a number.
EXACT_DIGITS = 15
DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 Excel knows no time zones
FORMATS = {
    Kind.TEXT: "@",
    Kind.MONEY: "#,##0.00##",
    Kind.LINE_MONEY: "#,##0.00##",
    Kind.UNITS: "0.###",
    Kind.DAY: "yyyy-mm-dd",
    Kind.TIME: "yyyy-mm-dd hh:mm:ss",
}
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


def write_xlsx(target: BinaryIO, table: ExportTable, rows: Iterable[Row], most_rows: int = MOST_ROWS) -> int:
    """Writes rows as a workbook, with a further sheet wherever one is full, and returns how many."""
    with Workbook(target, OPTIONS) as workbook:
        workbook.use_zip64()
        sheets = _Sheets(workbook, table, most_rows)
        for row in rows:
            sheets.add(row)
    return sheets.count


class _Sheets:
    """The sheets of a table; each begins with the header row."""

    def __init__(self, workbook: Workbook, table: ExportTable, most_rows: int) -> None:
        self._workbook, self._table, self._most_rows = workbook, table, most_rows
        self._formats: dict[Kind, Format] = {
            kind: workbook.add_format({"num_format": shown}) for kind, shown in FORMATS.items()
        }
        self._writers = [_WRITERS[column.kind] for column in table.columns]
        self.count = 0
        self._sheet = self._begin()
        self._next = 1

    def add(self, row: Row) -> None:
        if self._next == self._most_rows:
            self._sheet, self._next = self._begin(), 1
        for at, (column, value) in enumerate(zip(self._table.columns, row, strict=True)):
            if value is not None:
                self._writers[at](self._sheet, self._next, at, value, self._formats.get(column.kind))
        self._next += 1
        self.count += 1

    def _begin(self) -> Worksheet:
        number = len(self._workbook.worksheets()) + 1
        sheet = self._workbook.add_worksheet(f"{self._table.name}{f' {number}' if number > 1 else ''}")
        sheet.freeze_panes(1, 0)
        for at, name in enumerate(self._table.names):
            sheet.write_string(0, at, name)
        return sheet


def _write_text(sheet: Worksheet, row: int, at: int, value: Any, shown: Any) -> None:
    sheet.write_string(row, at, str(value), shown)


def _write_number(sheet: Worksheet, row: int, at: int, value: Any, shown: Any) -> None:
    if isinstance(value, Decimal | int) and len(Decimal(value).as_tuple().digits) > EXACT_DIGITS:
        sheet.write_string(row, at, str(value))
    else:
        sheet.write_number(row, at, float(value), shown)


def _write_time(sheet: Worksheet, row: int, at: int, value: datetime, shown: Any) -> None:
    passed = value.astimezone(UTC).replace(tzinfo=None) - DAY_ZERO
    sheet.write_number(row, at, passed.days + (passed.seconds + passed.microseconds / 1e6) / 86_400, shown)


def _write_day(sheet: Worksheet, row: int, at: int, value: date, shown: Any) -> None:
    sheet.write_number(row, at, (value - DAY_ZERO.date()).days, shown)


def _write_truth(sheet: Worksheet, row: int, at: int, value: bool, shown: Any) -> None:
    sheet.write_boolean(row, at, value, shown)


_WRITERS: dict[Kind, Callable[..., None]] = {
    Kind.TEXT: _write_text,
    Kind.INTEGER: _write_number,
    Kind.MONEY: _write_number,
    Kind.LINE_MONEY: _write_number,
    Kind.UNITS: _write_number,
    Kind.DECIMAL: _write_number,
    Kind.DAY: _write_day,
    Kind.TIME: _write_time,
    Kind.TRUTH: _write_truth,
}
