"""Exports rejected lines as a file that users correct and import again, in the dialect of the original."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from orders_pipeline.base.text.formulas import escaping
from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.export_note import REASON_COLUMNS, reasons_in, with_quote
from orders_pipeline.order_files.records.content import Content
from orders_pipeline.order_files.records.dialect import Dialect
from orders_pipeline.order_files.records.encodings import ASCII
from orders_pipeline.order_files.records.scanner import RecordScanner, TextLines
from orders_pipeline.order_files.records.text import original_bytes
from orders_pipeline.order_files.reject_codes import RejectCode

# Lines with these codes belong to no order, so they are not exported for correction.
_EMPTY = {RejectCode.BLANK_LINE, RejectCode.REPEATED_HEADER}


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A rejected line: its record and physical line numbers, the reason, and its text."""

    record: int
    line: int
    code: str
    column: str | None
    message: str
    hint: str
    raw: str = field(repr=False)


def export_rejects(
    rejects: Iterable[RejectedLine],
    identified: Identified,
    export_note: str,
    encoding: str,
    target: BinaryIO,
    *,
    escape_formulas: bool = False,
) -> int:
    """Writes the header row and all lines of rejected orders; the first columns are the reasons.

    Args:
        rejects: in file order.
        identified: how the original file was read.
        export_note: `ParsedFile.export_note`, with which the export is later read like the original file.
        encoding: `ParsedFile.encoding`.
        target: receives the export.
        escape_formulas: put an apostrophe before text that a spreadsheet would run as a formula; the import
            removes it.

    Returns:
        The number of lines written, without the header row.
    """
    if escape_formulas:
        export_note = with_quote(export_note, identified.dialect.quote)
    writer = LineWriter(identified.dialect, written_encoding(encoding), escape_formulas=escape_formulas)
    target.write(writer.start)
    # If the original is itself an export, the new reason columns replace the old ones.
    front = reasons_in(identified.header)
    target.write(writer.line([*REASON_COLUMNS, export_note], writer.joined(identified.header[front:])))
    count = 0
    for reject in _one_a_record(rejects):
        place = str(reject.line) if identified.content is Content.TEXT else identified.place(reject.line)
        reason = [reject.code, place, reject.column or "", reject.message, reject.hint, ""]
        target.write(writer.line(reason, writer.safe(writer.without(front, reject.raw))))
        count += 1
    return count


def _one_a_record(rejects: Iterable[RejectedLine]) -> Iterator[RejectedLine]:
    """Yields one reject for each record; a packed record has one for each item, all with the same text."""
    last = None
    for reject in rejects:
        if reject.code not in _EMPTY and (last is None or reject.line != last.line):
            yield reject
            last = reject


def written_encoding(encoding: str) -> str:
    """Returns the encoding of an export, which depends on the encoding of the original."""
    if encoding.startswith(("utf-16", "utf-32", "utf_16", "utf_32")):
        return "utf-8-sig"
    return "utf-8" if encoding == ASCII else encoding


class LineWriter:
    """Writes lines in a dialect, as bytes."""

    def __init__(self, dialect: Dialect, encoding: str, *, escape_formulas: bool = False) -> None:
        self.start = b"\xef\xbb\xbf" if encoding == "utf-8-sig" else b""
        self._encoding = encoding.removesuffix("-sig")
        self._dialect = dialect
        self._escaped = escaping(dialect.delimiter) if escape_formulas else None
        self._delimiter = dialect.delimiter + (" " if dialect.skip_space else "")
        special = re.escape(dialect.delimiter + dialect.quote + dialect.escape)
        self._special = re.compile(
            f"[{special}\r\n]|^\\s|\\s$|^$" if dialect.skip_space else f"[{special}\r\n]"
        )

    def line(self, reason: list[str], rest: str) -> bytes:
        """Returns a line with the reason columns and the text of the original columns."""
        front = self.joined(reason).encode(self._encoding, errors="replace")
        return front + original_bytes(self._delimiter + rest + self._dialect.line_end, self._encoding)

    def joined(self, fields: Iterable[str]) -> str:
        """Joins fields to one line."""
        return self._delimiter.join(self._written(field) for field in fields)

    def without(self, count: int, raw: str) -> str:
        """Removes the first `count` fields from the text of a line, if the line has that many."""
        if not count:
            return raw
        quote, escape = re.escape(self._dialect.quote), re.escape(self._dialect.escape)
        end = re.escape(self._dialect.delimiter) + (" *" if self._dialect.skip_space else "")
        plain = f"[^{re.escape(self._dialect.delimiter)}]*"
        quoted = f"{quote}(?:[^{quote}{escape}]|{quote}{quote}{f'|{escape}.' if escape else ''})*{quote}|"
        return re.sub(f"^(?:(?:{quoted if quote else ''}{plain}){end}){{{count}}}", "", raw, flags=re.DOTALL)

    def safe(self, raw: str) -> str:
        """Escapes formulas in the text of a line, if the export escapes formulas."""
        if not self._escaped or self._escaped(raw) == raw:
            return raw
        scanned = RecordScanner(self._dialect, TextLines([raw])).scan(0)
        is_broken = scanned is None or scanned.problem is not None
        return self._escaped(raw) if scanned is None or is_broken else self.joined(scanned.fields)

    def _written(self, value: str) -> str:
        quote = self._dialect.quote
        if self._escaped:
            value = self._escaped(value)
        if not self._special.search(value):
            return value
        if not quote:
            return self._special.sub(" ", value)
        if self._dialect.escape:
            value = re.sub(
                f"[{re.escape(quote + self._dialect.escape)}]", lambda m: self._dialect.escape + m[0], value
            )
        else:
            value = value.replace(quote, quote * 2)
        return quote + value + quote
