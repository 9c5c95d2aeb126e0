"""Finds the possible readings of a broken line: the fields that it has if exactly one fault is assumed.

A reading counts only if each field looks like the values of its column. The line is ambiguous if several
readings count, or one in which a value is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from orders_pipeline.order_files.records.broken_lines.column_shapes import ColumnShape, TableShape
from orders_pipeline.order_files.records.broken_lines.line_pieces import Pieces
from orders_pipeline.order_files.records.dialect import Dialect
from orders_pipeline.order_files.records.scanner import RecordScanner, Scanned, TextLines
from orders_pipeline.order_files.records.sniff import DELIMITERS

LONGEST_LINE = 4096
# The most steps in the search for readings. A line that needs more counts as ambiguous.
MOST_STEPS = 1000
OTHER_DELIMITERS = (*DELIMITERS, " ")

Fields = tuple[str, ...]


class Fault(StrEnum):
    """What is wrong with a line; the values are codes of warnings."""

    DELIMITER_MISSING = "delimiter_missing"
    DELIMITER_DOUBLED = "delimiter_doubled"
    OTHER_DELIMITER = "other_delimiter"
    STRAY_QUOTE = "stray_quote_kept"


@dataclass(frozen=True, slots=True)
class Reading:
    """The fields of a line and its fault; without a fault, it only shows that the line is ambiguous."""

    fields: Fields
    fault: Fault | None


class LineReader:
    """Reads broken lines of a table of a known shape."""

    def __init__(self, dialect: Dialect, shape: TableShape) -> None:
        self._dialect = dialect
        self._shape = shape
        self._width = len(shape.columns)

    def only_reading(self, line: str) -> Reading | None:
        """Returns the reading of a broken line if there is only one; otherwise None."""
        if len(line) > LONGEST_LINE:
            return None
        found: dict[Fields, Reading] = {}
        for reading in self._readings(line):
            found[reading.fields] = reading
            if len(found) > 1 or reading.fault is None:
                return None
        return next((one for one in found.values() if self._fits_closely(one.fields)), None)

    def _readings(self, line: str) -> Iterator[Reading]:
        scanned = self._scanned(line)
        fields = tuple(scanned.fields) if scanned.problem is None else ()
        yield from self._with_one_value_more_or_less(fields)
        yield from self._with_one_delimiter_more(line, self._gaps(line, fields, scanned.starts))
        yield from self._tolerant(line, self._dialect, Fault.STRAY_QUOTE)
        for delimiter in OTHER_DELIMITERS:
            if delimiter not in (self._dialect.delimiter, self._dialect.quote, self._dialect.escape):
                other = replace(self._dialect, delimiter=delimiter)
                yield from self._tolerant(line, other, Fault.OTHER_DELIMITER)

    def _with_one_value_more_or_less(self, fields: Fields) -> Iterator[Reading]:
        """Yields the readings of a line with one field too many or too few.

        Only a doubled delimiter, which adds a blank field, can be repaired. In other readings a value is
        lost.
        """
        if len(fields) == self._width + 1:
            for at, value in enumerate(fields):
                rest = fields[:at] + fields[at + 1 :]
                doubled = not value and self._shape.protects_delimiters
                if self._fit(rest):
                    yield Reading(rest, Fault.DELIMITER_DOUBLED if doubled else None)
        if len(fields) == self._width - 1:
            for at, column in enumerate(self._shape.columns):
                if column.filled and self._fit(fields[:at], 0) and self._fit(fields[at:], at + 1):
                    yield Reading((), None)

    def _gaps(self, line: str, fields: Fields, starts: Sequence[int]) -> Iterator[int]:
        """Yields places where a delimiter may be missing: beside quotes, and where all other fields fit."""
        if self._dialect.quote:
            quotes = [at for at, character in enumerate(line) if character == self._dialect.quote]
            yield from sorted({at + side for at in quotes for side in (0, 1)})
        if len(fields) == self._width - 1:
            ends = (*starts[1:], len(line) + 1)
            for at, (start, end) in enumerate(zip(starts, ends, strict=True)):
                if self._fit(fields[:at], 0) and self._fit(fields[at + 1 :], at + 2):
                    yield from range(start, end)

    def _with_one_delimiter_more(self, line: str, gaps: Iterable[int]) -> Iterator[Reading]:
        for gap in gaps:
            scanned = self._scanned(line[:gap] + self._dialect.delimiter + line[gap:])
            fields = tuple(scanned.fields)
            if scanned.problem is None and len(fields) == self._width and self._fit(fields):
                # A delimiter added at the end means that the line was cut off, perhaps inside its last value.
                # Only a closing quote shows that this value is complete.
                whole = gap < len(line) or line.endswith(self._dialect.quote or "\n")
                yield Reading(fields, Fault.DELIMITER_MISSING if whole else None)

    def _tolerant(self, line: str, dialect: Dialect, fault: Fault) -> Iterator[Reading]:
        """Yields the readings of a line in which a quote may occur anywhere.

        If the delimiter of `dialect` is not the file's, unquoted text may contain the delimiter.
        """
        pieces = Pieces(line, dialect, joined=dialect != self._dialect)
        open_: list[tuple[int, Fields, bool]] = [(0, (), True)]
        for _ in range(MOST_STEPS):
            if not open_:
                return
            at, fields, sure = open_.pop()
            if len(fields) == self._width and at > len(line):
                yield Reading(fields, fault if sure else None)
            elif len(fields) < self._width and at <= len(line):
                open_ += [
                    (piece.following, (*fields, piece.value), sure and piece.sure)
                    for piece in pieces.starting(at)
                    if self._fits_without_quotes(piece.value, len(fields))
                ]
        yield Reading((), None)  # The search stopped early, so the line counts as ambiguous.

    def _scanned(self, line: str) -> Scanned:
        scanned = RecordScanner(self._dialect, TextLines([line])).scan(0)
        if scanned is None:
            raise RuntimeError("the scanner did not finish a record that is a single line")
        return scanned

    def _fit(self, fields: Fields, first: int = 0) -> bool:
        """Whether `fields` fit the columns that start at position `first`."""
        columns = self._shape.columns[first : first + len(fields)]
        return len(columns) == len(fields) and all(map(ColumnShape.fits, columns, fields))

    def _fits_closely(self, fields: Fields) -> bool:
        bare = [field.replace(self._dialect.quote or "\n", "") for field in fields]
        return all(
            column.fits_closely(field) or column.fits_closely(text)
            for column, field, text in zip(self._shape.columns, fields, bare, strict=True)
        )

    def _fits_without_quotes(self, value: str, place: int) -> bool:
        column = self._shape.columns[place]
        return column.fits(value) or column.fits(value.replace(self._dialect.quote or "\n", ""))
