"""Reads multi-line and broken records, one at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from orders_pipeline.order_files.records.dialect import Dialect
from orders_pipeline.order_files.records.lines import Lines
from orders_pipeline.order_files.records.record_layout import Layout
from orders_pipeline.order_files.records.scanner import RecordScanner, Scanned, TextLines
from orders_pipeline.order_files.reject_codes import RejectCode

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class OddRecords:
    """Scanned records.

    Attributes:
        absorbed: indexes of the lines that belong to these records.
        taken: number of lines whose reading is final; a record that starts after them may be incomplete.
    """

    frame: pl.DataFrame
    absorbed: list[int]
    taken: int


class OddRecordReader:
    """Reads the records that start on given lines."""

    def __init__(self, dialect: Dialect, layout: Layout) -> None:
        self._dialect = dialect
        self._layout = layout

    def read(self, lines: Lines, starts: Iterable[int], first_line: int, *, final: bool) -> OddRecords:
        """Reads the records at `starts`, except lines inside an earlier record.

        Args:
            lines: consecutive physical lines.
            starts: indexes of lines, ascending.
            first_line: physical line number of the first of `lines`.
            final: whether no more lines follow.
        """
        scanner = RecordScanner(self._dialect, lines, complete=final)
        rows: list[Row] = []
        absorbed: list[int] = []
        following, taken = 0, len(lines)
        for index in starts:
            if index < following:
                continue
            scanned = scanner.scan(index)
            if scanned is None:
                taken = index
                break
            scanned, found = self._scanned_rows(lines, index, scanned, first_line)
            rows += found
            following = index + scanned.lines
            absorbed += range(index, following)
        return OddRecords(pl.DataFrame(rows, schema=self._layout.schema, orient="row"), absorbed, taken)

    def _scanned_rows(
        self, lines: Lines, index: int, scanned: Scanned, first_line: int
    ) -> tuple[Scanned, list[Row]]:
        inside = [lines[i] for i in range(index, index + scanned.lines)]
        fits = len(scanned.fields) == self._layout.width
        if scanned.lines > 1 and any(self._is_record(line) for line in inside[1:]):
            if fits:
                return scanned, [self._swallowed(index, i, text, first_line) for i, text in enumerate(inside)]
            scanned = Scanned([], 1, RejectCode.UNCLOSED_QUOTE, inside[0][:40])
        problem, detail = scanned.problem, scanned.detail
        if problem is None and not fits:
            problem = RejectCode.FIELD_COUNT
            detail = f"{len(scanned.fields)} fields, but the header has {self._layout.width}"
        fields = scanned.fields if scanned.problem is None else self._best_effort(scanned.fields, inside[0])
        raw = "".join(lines[i] + lines.end(i) for i in range(index, index + scanned.lines - 1))
        raw += lines[index + scanned.lines - 1]
        return scanned, [(0, index, raw, problem, detail or None, *self._picked(fields))]

    def _swallowed(self, opened: int, offset: int, text: str, first_line: int) -> Row:
        fields = self._picked(self._best_effort([], text))
        return (0, opened + offset, text, RejectCode.SWALLOWED_LINES, str(first_line + opened), *fields)

    def _is_record(self, line: str) -> bool:
        test = self._layout.looks_like_record
        if test is None or line.count(self._dialect.delimiter) < self._layout.width - 1:
            return False
        scanned = RecordScanner(self._dialect, TextLines([line])).scan(0)
        return scanned is not None and len(scanned.fields) == self._layout.width and test(scanned.fields)

    def _best_effort(self, read: list[str], line: str) -> list[str]:
        """Returns the fields `read` before the fault, then the rest of `line` split at each delimiter."""
        naive = [field.strip(self._dialect.quote or None) for field in line.split(self._dialect.delimiter)]
        return read + naive[len(read) :]

    def _picked(self, fields: list[str]) -> list[str | None]:
        return [fields[at] if at < len(fields) else None for at in self._layout.columns.values()]
