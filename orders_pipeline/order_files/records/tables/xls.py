"""Old Excel workbooks (.xls), read by xlrd. They have at most 65,536 rows and are never packed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from orders_pipeline.order_files.records.content import encrypted
from orders_pipeline.order_files.records.source import Source
from orders_pipeline.order_files.records.tables.cell_text import CellText, serial_date
from orders_pipeline.order_files.records.tables.rows import Row, bounded, row_frames

if TYPE_CHECKING:
    from xlrd import Book
    from xlrd.sheet import Sheet

# The kinds of cells, as numbered by xlrd.
_NUMBER, _DATE, _BOOLEAN, _ERROR = 2, 3, 4, 5


class Xls:
    """Excel's format until 2003."""

    label = "old Excel workbook (.xls)"
    growth = 1
    # xlrd checks little of what it reads, so a damaged workbook can raise anything.
    errors: tuple[type[Exception], ...] = (Exception,)

    def tables(self, source: Source) -> dict[str, bool]:
        """Returns whether each sheet is visible, by its name."""
        with _opened(source) as book:
            return {name: not book.sheet_by_name(name).visibility for name in book.sheet_names()}

    def frames(
        self,
        source: Source,
        cells: CellText,
        header: tuple[str, ...] | None = None,  # noqa: ARG002 it is a row of the sheet
    ) -> Iterator[pl.DataFrame]:
        """Yields the rows of the sheet that are not blank."""
        with _opened(source) as book:
            sheet = book.sheet_by_name(source.table)
            yield from row_frames(bounded(source, _rows(sheet, cells, from_1904=bool(book.datemode))))


def _opened(source: Source) -> Book:
    import xlrd  # noqa: PLC0415 takes long, and only old workbooks need it

    try:
        return xlrd.open_workbook(source.path, logfile=io.StringIO(), on_demand=True, ragged_rows=True)
    except xlrd.XLRDError as error:
        if "encrypted" in str(error):
            raise encrypted(source.name) from None
        raise


def _rows(sheet: Sheet, cells: CellText, *, from_1904: bool) -> Iterator[Row]:
    for number in range(sheet.nrows):
        texts = [_text(cell.ctype, cell.value, cells, from_1904=from_1904) for cell in sheet.row(number)]
        if any(texts):
            yield Row(number + 1, texts)


def _text(kind: int, value: float | str, cells: CellText, *, from_1904: bool) -> str:
    if kind == _NUMBER:
        return cells.number(float(value))
    if kind == _DATE:
        return serial_date(float(value), from_1904=from_1904)
    if kind == _BOOLEAN:
        return "TRUE" if value else "FALSE"
    if kind == _ERROR:
        from xlrd import error_text_from_code  # noqa: PLC0415 see above

        return str(error_text_from_code.get(int(value), "#N/A"))
    return str(value)
