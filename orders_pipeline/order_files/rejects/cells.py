"""The cells of a rejected line, and the line with corrected cells."""

from __future__ import annotations

from collections.abc import Mapping

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.records.scanner import RecordScanner, TextLines
from orders_pipeline.order_files.records.text import original_bytes
from orders_pipeline.order_files.rejects.export import LineWriter


def cells_of(raw: str, identified: Identified) -> list[str] | None:
    """Returns the cells of a line, one for each column of the header; None if the line is broken."""
    scanned = RecordScanner(identified.dialect, TextLines([raw])).scan(0) if raw else None
    if scanned is None or scanned.problem or len(scanned.fields) != len(identified.header):
        return None
    return scanned.fields


def with_cells(raw: str, identified: Identified, changes: Mapping[int, str], encoding: str) -> str:
    """Returns the line with some values replaced.

    Args:
        changes: the new values, by the positions of their columns (from 0).

    Raises:
        FileRefused: the line is broken, or the file's dialect or encoding cannot contain a value.
    """
    cells = cells_of(raw, identified)
    if cells is None or not all(at < len(cells) for at in changes):
        message = "The line has no cell for each column."
        raise FileRefused("line_broken", message, "Correct the line as a whole.")
    for at, value in changes.items():
        cells[at] = value
    writer = LineWriter(identified.dialect, encoding)
    line = writer.joined(cells)
    if cells_of(line, identified) != cells:
        values = ", ".join(repr(value) for value in changes.values())
        message = f"The file cannot contain {values}, because it does not quote its values."
        raise FileRefused("correction_invalid", message, "Leave out the delimiter and line ends.")
    require_writable("".join(changes.values()), encoding)
    return line


def require_writable(text: str, encoding: str) -> None:
    """Makes sure that an encoding has all characters of a text.

    Raises:
        FileRefused: the encoding lacks a character.
    """
    try:
        original_bytes(text, encoding)
    except UnicodeEncodeError as error:
        message = f"The file cannot contain {error.object[error.start]!r}: its encoding is {encoding}."
        raise FileRefused("correction_invalid", message, "Use other characters.") from None
