"""What the values of each column look like, learned from the first valid records of a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from orders_pipeline.order_files.records.dialect import Dialect
from orders_pipeline.order_files.records.record_layout import Layout
from orders_pipeline.order_files.records.sample import HEAD_BYTES
from orders_pipeline.order_files.records.sniff import read_records
from orders_pipeline.order_files.records.source import Source, read_chunks
from orders_pipeline.order_files.records.text import complete_lines, decode_start

LEARNED_RECORDS = 1000
# With fewer records, or fewer columns with a form, no shape is learned.
LEAST_RECORDS, LEAST_FORMS = 20, 2
# A mask is a value with its digits and letters replaced. A column has a form only if it has at least this
# many values for each distinct mask.
VALUES_PER_MASK = 10
# The largest share of records whose number of fields differs from the header. Above it, the header is in
# doubt.
MOST_MISCOUNTED = 0.05

_DIGITS, _LETTERS = "\0", "\1"
_RUN = re.compile(r"\d+|[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class ColumnForm:
    """Patterns of a column's values: `seen` allows only lengths of numbers that occur, `possible` any."""

    possible: re.Pattern[str]
    seen: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """What the values of a column look like.

    Attributes:
        form: None if the values have no common form, such as names.
        filled: whether some values are not blank.
        blank: whether some values are blank.
    """

    form: ColumnForm | None
    filled: bool
    blank: bool

    def fits(self, value: str) -> bool:
        """Whether `value` can be a value of this column."""
        return self._matches(value, self.form.possible if self.form else None)

    def fits_closely(self, value: str) -> bool:
        """Whether `value` looks exactly like the values of this column: its numbers have no other length."""
        return self._matches(value, self.form.seen if self.form else None)

    def _matches(self, value: str, pattern: re.Pattern[str] | None) -> bool:
        text = value.strip()
        if not text:
            return self.blank
        return self.filled and (pattern is None or pattern.fullmatch(text) is not None)


@dataclass(frozen=True, slots=True)
class TableShape:
    """The shapes of all columns, and whether a delimiter inside a value is known to be quoted or escaped."""

    columns: tuple[ColumnShape, ...]
    protects_delimiters: bool


def learn_shape(source: Source, encoding: str, dialect: Dialect, layout: Layout) -> TableShape | None:
    """Learns the shape of a table from the start of a file; None if that has too few records or forms."""
    with closing(read_chunks(source, HEAD_BYTES)) as chunks:
        head = next(chunks, b"")
    lines = complete_lines(decode_start(head, encoding), whole=len(head) < HEAD_BYTES)
    records = list(read_records(lines, dialect, layout.skip_records + LEARNED_RECORDS))[layout.skip_records :]
    whole = [record.fields for record in records if record.problem is None and any(record.fields)]
    sound = [fields for fields in whole if len(fields) == layout.width]
    if len(sound) < LEAST_RECORDS or len(whole) - len(sound) > MOST_MISCOUNTED * len(records):
        return None
    columns = tuple(_column_shape(values) for values in zip(*sound, strict=True))
    if sum(column.filled and column.form is not None for column in columns) < LEAST_FORMS:
        return None
    return TableShape(columns, any(dialect.delimiter in field for fields in sound for field in fields))


def _column_shape(values: Sequence[str]) -> ColumnShape:
    filled = [text for value in values if (text := value.strip())]
    return ColumnShape(_form(filled), filled=bool(filled), blank=len(filled) < len(values))


def _form(values: Sequence[str]) -> ColumnForm | None:
    """Returns the form of values that differ only in their digits and letters.

    None if they differ otherwise.
    """
    numbers: dict[str, list[list[str]]] = {}
    for value in values:
        mask = _RUN.sub(lambda run: _DIGITS if run[0][0].isdecimal() else _LETTERS, value)
        numbers.setdefault(mask, []).append(re.findall(r"\d+", value))
    if len(numbers) * VALUES_PER_MASK > len(values):
        return None
    return ColumnForm(_pattern(numbers, _possible_digits), _pattern(numbers, _seen_digits))


_Digits = Callable[[Sequence[str]], str]


def _pattern(numbers: Mapping[str, list[list[str]]], digits: _Digits) -> re.Pattern[str]:
    return re.compile(
        "|".join(_of_mask(mask, list(zip(*n, strict=True)), digits) for mask, n in numbers.items())
    )


def _of_mask(mask: str, runs: Sequence[Sequence[str]], digits: _Digits) -> str:
    pattern = re.escape(mask).replace(_LETTERS, r"[^\W\d_]+")
    if len(runs) == 2:
        # The decimals of a number are optional.
        pattern = re.sub(f"{_DIGITS}(\\\\?[.,]){_DIGITS}", rf"{_DIGITS}(?:\g<1>{_DIGITS})?", pattern)
    for run in runs:
        pattern = pattern.replace(_DIGITS, digits(run), 1)
    return pattern


def _possible_digits(runs: Sequence[str]) -> str:
    """Returns a pattern: numbers padded with zeros, as in 00:30, have a fixed length, others any length."""
    length = len(runs[0])
    padded = length > 1 and any(run.startswith("0") for run in runs)
    return rf"\d{{{length}}}" if padded and all(len(run) == length for run in runs) else r"\d+"


def _seen_digits(runs: Sequence[str]) -> str:
    lengths = [len(run) for run in runs]
    return rf"\d{{{min(lengths)},{max(lengths)}}}"
