"""Reads one record at a time, character by character. The vectorised reader must give the same results.

Grammar: the delimiter separates fields. A field that starts with the quote character ends at the next quote
that is neither doubled nor escaped; only spaces and tabs may come between that quote and the delimiter.
Elsewhere a quote is an ordinary character. A record that breaks these rules counts as one physical line, and
reading continues with the next line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from orders_pipeline.order_files.records.dialect import Dialect
from orders_pipeline.order_files.reject_codes import RejectCode

MAX_RECORD_CHARS = 1 << 20
_SHOWN = 40


class PhysicalLines(Protocol):
    """Lines of a file without their line ends; `end` returns the line end of one."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> str: ...

    def end(self, index: int) -> str: ...


class TextLines:
    """A list of lines that end with a line feed."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, index: int, /) -> str:
        return self._lines[index]

    def end(self, _index: int) -> str:
        return "\n"


@dataclass(frozen=True, slots=True)
class Scanned:
    """A record that spans `lines` physical lines; with a `problem`, `fields` are those before it.

    `starts` has the position of each field in the text of a record that spans one line.
    """

    fields: list[str]
    lines: int
    problem: RejectCode | None = None
    detail: str = ""
    starts: tuple[int, ...] = ()


class RecordScanner:
    """Reads records from physical lines; `complete` is true if no more lines follow."""

    def __init__(self, dialect: Dialect, lines: PhysicalLines, *, complete: bool = True) -> None:
        self._dialect = dialect
        self._patterns = _patterns(dialect)
        self._lines = lines
        self._complete = complete

    def scan(self, start: int) -> Scanned | None:
        """Reads the record that starts at line `start`; None if it may continue after the last line."""
        record = _Record(self._lines[start], start + 1)
        fields: list[str] = []
        starts: list[int] = []
        try:
            while not record.read:
                starts.append(record.at)
                fields.append(self._field(record))
        except _BrokenRecordError as broken:
            return Scanned(fields, 1, broken.problem, broken.detail)
        except _UnfinishedRecordError:
            return None
        return Scanned(fields, record.following - start, starts=tuple(starts))

    def _field(self, record: _Record) -> str:
        if self._dialect.skip_space:
            self._skip_blanks(record)
        quoted = bool(self._dialect.quote) and record.text.startswith(self._dialect.quote, record.at)
        value = self._quoted(record) if quoted else self._plain(record)
        record.read = record.at >= len(record.text)
        record.at += 1
        return value

    def _plain(self, record: _Record) -> str:
        start = record.at
        record.at = _end(self._patterns.plain, record.text, start)
        value = record.text[start : record.at]
        return unescaped(value, self._dialect, quoted=False) if self._dialect.escape else value

    def _quoted(self, record: _Record) -> str:
        opened, lines = record.at, record.following
        closed = self._closing_quote(record)
        value = record.text[opened + 1 : closed]
        record.at = closed + 1
        self._skip_blanks(record)
        if record.at < len(record.text) and record.text[record.at] != self._dialect.delimiter:
            if record.following > lines:
                raise _BrokenRecordError(RejectCode.UNCLOSED_QUOTE, record.text[opened : opened + _SHOWN])
            shown = record.text[max(opened, closed + 1 - _SHOWN) : closed + 12]
            raise _BrokenRecordError(RejectCode.STRAY_QUOTE, shown)
        return unescaped(value, self._dialect, quoted=True)

    def _closing_quote(self, record: _Record) -> int:
        """Finds the quote that closes the field opened at `record.at`; adds lines to the record as needed."""
        at = _end(self._patterns.quoted, record.text, record.at + 1)
        if at < len(record.text):
            return at
        pieces, length = [record.text], len(record.text)
        while True:
            piece = self._next_line(record, length)
            pieces.append(piece)
            at = _end(self._patterns.quoted, piece, 0)
            if at < len(piece):
                record.text = "".join(pieces)
                return length + at
            length += len(piece)

    def _next_line(self, record: _Record, length: int) -> str:
        """Returns the line end of the current line and the next line."""
        following = record.following
        if length > MAX_RECORD_CHARS or (following >= len(self._lines) and self._complete):
            raise _BrokenRecordError(RejectCode.UNCLOSED_QUOTE, record.text[record.at : record.at + _SHOWN])
        if following >= len(self._lines):
            raise _UnfinishedRecordError
        record.following += 1
        return self._lines.end(following - 1) + self._lines[following]

    def _skip_blanks(self, record: _Record) -> None:
        text, at = record.text, record.at
        while at < len(text) and text[at] in " \t" and text[at] != self._dialect.delimiter:
            at += 1
        record.at = at


def unescaped(value: str, dialect: Dialect, *, quoted: bool) -> str:
    """Returns the value of a field's text: without escape characters, and with each doubled quote as one."""
    patterns = _patterns(dialect)
    escapes = patterns.quoted_escapes if quoted else patterns.plain_escapes
    return escapes.sub(lambda match: match[1] or dialect.quote, value)


@dataclass(slots=True)
class _Record:
    """The scanner's state: position `at` in `text`; `following` is the first line after the record."""

    text: str
    following: int
    at: int = 0
    read: bool = False


class _BrokenRecordError(Exception):
    def __init__(self, problem: RejectCode, detail: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.detail = detail


class _UnfinishedRecordError(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Patterns:
    """`quoted` and `plain` match the content of a field up to its end, the others the escapes in it."""

    quoted: re.Pattern[str]
    plain: re.Pattern[str]
    quoted_escapes: re.Pattern[str]
    plain_escapes: re.Pattern[str]


@lru_cache(maxsize=64)
def _patterns(dialect: Dialect) -> _Patterns:
    quote, escape, delimiter = (re.escape(c) for c in (dialect.quote, dialect.escape, dialect.delimiter))
    # The escape character escapes only the quote, the delimiter and itself. Before anything else it is
    # literal, so that `C:\temp` keeps its backslash.
    special = f"[{quote}{escape}{delimiter}]"
    skipped = f"|{escape}{special}|{escape}" if escape else ""
    quoted = f"(?:[^{quote}{escape}]++|{quote}{quote}{skipped})*+" if quote else ""
    plain = f"(?:[^{delimiter}{escape}]++{skipped})*+"
    escaped = f"{escape}({special})" if escape else "(?!)()"
    doubled = f"{quote}{quote}|{escaped}" if quote else escaped
    return _Patterns(*(re.compile(pattern, re.DOTALL) for pattern in (quoted, plain, doubled, escaped)))


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return match.end() if match else start
