"""OpenDocument spreadsheets (.ods), read as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orders_pipeline.order_files.records.cell_errors import NOT_COMPUTED
from orders_pipeline.order_files.records.source import Source
from orders_pipeline.order_files.records.tables.cell_text import CellText
from orders_pipeline.order_files.records.tables.packed_workbook import PackedWorkbook
from orders_pipeline.order_files.records.tables.rows import MAX_COLUMNS, Row, too_wide
from orders_pipeline.order_files.records.tables.xml_parts import (
    Attributes,
    XmlParts,
    local,
    locals_of,
)

_CONTENT = "content.xml"
_CELLS = {"table-cell", "covered-table-cell"}


def _sheets(_source: Source, parts: XmlParts) -> dict[str, bool]:
    """Returns whether each sheet is visible, by its name."""
    invisible: set[str] = set()
    shown: dict[str, bool] = {}
    style = ""

    def start(name: str, attributes: Attributes) -> None:
        nonlocal style
        if name.endswith(":style"):
            style = locals_of(attributes).get("name", "")
        elif name.endswith(":table-properties") and locals_of(attributes).get("display") == "false":
            invisible.add(style)
        elif name.endswith(":table"):
            said = locals_of(attributes)
            shown[said.get("name", "")] = said.get("style-name", "") not in invisible

    for _ in parts.parsed(_CONTENT, start):
        pass
    return shown


def _rows(source: Source, parts: XmlParts, cells: CellText) -> Iterator[Row]:
    sheet = _Sheet(source, cells)
    for _ in parts.parsed(_CONTENT, sheet.start, sheet.end, sheet.text):
        for row, times in sheet.rows:
            yield from (row._replace(place=row.place + more) for more in range(times))
        sheet.rows.clear()


class _Sheet:
    """Collects the rows of a sheet, with their repetitions, while the XML is parsed."""

    def __init__(self, source: Source, cells: CellText) -> None:
        self.rows: list[tuple[Row, int]] = []
        self._source = source
        self._numbers = cells
        self._inside = False
        self._row, self._times = 1, 1
        self._cells: list[str] = []
        self._blanks = 0
        self._cell: Attributes = {}
        self._content: list[str] = []
        self._reading = 0
        self._notes = 0

    def start(self, name: str, attributes: Attributes) -> None:
        kind = local(name)
        if kind == "table":
            self._inside = locals_of(attributes).get("name") == self._source.table
        elif not self._inside:
            return
        elif kind in _CELLS:
            self._cell, self._content = locals_of(attributes), []
        elif kind == "table-row":
            self._times = int(locals_of(attributes).get("number-rows-repeated", "1"))
            self._cells, self._blanks = [], 0
        elif kind == "annotation":
            self._notes += 1
        elif not self._notes:
            self._start_text(kind, attributes)

    def end(self, name: str) -> None:
        kind = local(name)
        if kind == "table":
            self._inside = False
        elif not self._inside:
            return
        elif kind in _CELLS:
            self._add_cell()
        elif kind == "table-row":
            if any(self._cells):
                self.rows.append((Row(self._row, self._cells), self._times))
            self._row += self._times
        elif kind == "annotation":
            self._notes -= 1
        elif kind == "p" and not self._notes:
            self._reading -= 1

    def text(self, piece: str) -> None:
        if self._reading and not self._notes:
            self._content.append(piece)

    def _start_text(self, kind: str, attributes: Attributes) -> None:
        if kind == "p":
            self._reading += 1
            if self._content:
                self._content.append("\n")
        elif kind == "s":
            self._content.append(" " * min(1000, int(locals_of(attributes).get("c", "1"))))
        elif kind in {"tab", "line-break"}:
            self._content.append("\t" if kind == "tab" else "\n")

    def _add_cell(self) -> None:
        times = int(self._cell.get("number-columns-repeated", "1"))
        text = self._text()
        if not text:
            self._blanks += times
            return
        if len(self._cells) + self._blanks + times > MAX_COLUMNS:
            raise too_wide(self._source)
        self._cells += [""] * self._blanks + [text] * times
        self._blanks = 0

    def _text(self) -> str:
        kind = self._cell.get("value-type", "")
        if kind in {"float", "currency", "percentage"}:
            return self._numbers.number(float(self._cell.get("value", "nan")))
        if kind == "date":
            return self._cell.get("date-value", "").replace("T", " ").removesuffix(" 00:00:00")
        if kind == "time":
            return _clock(self._cell.get("time-value", ""))
        if kind == "boolean":
            return self._cell.get("boolean-value", "").upper()
        if not kind and "formula" in self._cell and not self._content:
            return NOT_COMPUTED
        return self._cell.get("string-value") or "".join(self._content)


def _clock(duration: str) -> str:
    """Returns a time of day from the duration that the file contains, such as `PT14H05M00S`."""
    found = re.fullmatch(r"PT(\d+)H(\d+)M(\d+)(?:[.,]\d+)?S", duration)
    return ":".join(part.zfill(2) for part in found.groups()) if found else duration


ODS = PackedWorkbook("OpenDocument spreadsheet (.ods)", growth=8, sheets=_sheets, rows=_rows)
