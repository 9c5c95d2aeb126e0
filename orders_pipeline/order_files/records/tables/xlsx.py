"""Excel workbooks (.xlsx), read as a stream. The value of a formula is the one saved in the workbook."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orders_pipeline.order_files.records.cell_errors import NOT_COMPUTED
from orders_pipeline.order_files.records.source import Source
from orders_pipeline.order_files.records.tables.cell_text import CellText, serial_date
from orders_pipeline.order_files.records.tables.packed_workbook import PackedWorkbook
from orders_pipeline.order_files.records.tables.rows import MAX_COLUMNS, Row, too_wide
from orders_pipeline.order_files.records.tables.xlsx_parts import (
    read_date_styles,
    read_shared_texts,
    read_workbook,
)
from orders_pipeline.order_files.records.tables.xml_parts import (
    Attributes,
    XmlParts,
    local,
)


def _sheets(source: Source, parts: XmlParts) -> dict[str, bool]:
    return read_workbook(source, parts).visible


def _rows(source: Source, parts: XmlParts, cells: CellText) -> Iterator[Row]:
    book = read_workbook(source, parts)
    values = _Values(
        read_shared_texts(source, parts, book.shared),
        read_date_styles(parts, book.styles),
        cells,
        from_1904=book.from_1904,
    )
    sheet = _Sheet(source, values)
    name = book.sheets[source.table]
    for _ in parts.parsed(name, sheet.start, text=sheet.text):
        yield from sheet.rows
        sheet.rows.clear()
    sheet.end_row()
    yield from sheet.rows


class _Values:
    """Converts the content of cells to text."""

    def __init__(self, shared: list[str], dates: set[str], cells: CellText, *, from_1904: bool) -> None:
        self._shared = shared
        self._dates = dates
        self._cells = cells
        self._from_1904 = from_1904

    def text(self, kind: str, style: str, content: str) -> str:
        """Returns the text of a cell; `kind` and `style` are its attributes `t` and `s`."""
        if kind == "s":
            return self._shared[int(content)]
        if kind == "n":
            return self._number(style, content)
        if kind == "b":
            return "TRUE" if content == "1" else "FALSE"
        return content.replace("T", " ").removesuffix(" 00:00:00") if kind == "d" else content

    def _number(self, style: str, content: str) -> str:
        if style in self._dates:
            return serial_date(float(content), from_1904=self._from_1904)
        return content if content.isdigit() else self._cells.number(float(content))


class _Sheet:
    """Collects the rows of a sheet while its XML is parsed; `rows` has the complete ones.

    A cell ends where the next cell or row starts: a handler for the ends of elements would take a third more
    time.
    """

    def __init__(self, source: Source, values: _Values) -> None:
        self.rows: list[Row] = []
        self._source = source
        self._values = values
        self._columns: dict[str, int] = {}
        self._row, self._column = 0, -1
        self._cells: list[str] = []
        self._kind: str | None = None
        self._style = self._content = ""
        self._reading = self._formula = self._phonetic = False

    def start(self, name: str, attributes: Attributes) -> None:
        if ":" in name:
            name = local(name)
        if name == "v":
            self._reading = True
        elif name == "c":
            self._start_cell(attributes)
        elif name == "row":
            self.end_row()
            self._row = int(attributes.get("r", self._row + 1))
        elif name == "t":
            self._reading = not self._phonetic
        else:
            self._reading = False
            self._formula = self._formula or name == "f"
            self._phonetic = self._phonetic or name == "rPh"

    def text(self, piece: str) -> None:
        if self._reading:
            self._content += piece

    def end_row(self) -> None:
        """Ends the row that is being read, if any."""
        self._end_cell()
        if self._cells:
            self.rows.append(Row(self._row, self._cells))
            self._cells = []
        self._column = -1

    def _start_cell(self, attributes: Attributes) -> None:
        self._end_cell()
        get = attributes.get
        reference = get("r")
        if reference is None:
            self._column += 1
        else:
            letters = reference.rstrip("0123456789")
            known = self._columns.get(letters)
            self._column = self._position(letters) if known is None else known
        self._kind, self._style = get("t", "n"), get("s", "0")

    def _end_cell(self) -> None:
        kind = self._kind
        if kind is None:
            return
        content = self._content.strip()
        if content:
            self._put(self._values.text(kind, self._style, content))
        elif self._formula and kind == "n":
            self._put(NOT_COMPUTED)
        self._kind, self._content = None, ""
        self._reading = self._formula = self._phonetic = False

    def _put(self, text: str) -> None:
        missing = self._column - len(self._cells)
        if missing == 0:
            self._cells.append(text)
        elif missing > 0:
            self._cells += [*[""] * missing, text]
        else:
            self._cells[self._column] = text

    def _position(self, letters: str) -> int:
        position = 0
        for letter in letters if re.fullmatch("[A-Z]{1,3}", letters) else "ZZZZ":
            position = position * 26 + ord(letter) - ord("A") + 1
        if position > MAX_COLUMNS:
            raise too_wide(self._source)
        return self._columns.setdefault(letters, position - 1)


XLSX = PackedWorkbook("Excel workbook (.xlsx)", growth=5, sheets=_sheets, rows=_rows)
