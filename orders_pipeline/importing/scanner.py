"""One record at a time, character by character: the reference that the vectorised reader must agree with.

Grammar: fields are separated by the delimiter; a field that starts with the quote ends at the next quote that is
neither doubled nor escaped, and only blanks may follow before the delimiter; a quote inside another field is literal.
A record that breaks this is one physical line, and reading goes on with the next.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from orders_pipeline.importing.codes import RejectCode
from orders_pipeline.importing.dialect import Dialect

MAX_RECORD_CHARS = 1 << 20


@dataclass(frozen=True, slots=True)
class Scanned:
    """A record of `lines` physical lines; with a `problem`, `fields` are those before the break."""

    fields: list[str]
    lines: int
    problem: RejectCode | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Patterns:
    quoted: re.Pattern[str]
    plain: re.Pattern[str]


@lru_cache(maxsize=64)
def _patterns(dialect: Dialect) -> _Patterns:
    quote, escape, delimiter = (re.escape(c) for c in (dialect.quote, dialect.escape, dialect.delimiter))
    doubled = quote * 2
    if not quote:
        return _Patterns(re.compile(""), re.compile(f"[^{delimiter}]*+", re.S))
    if not escape:
        return _Patterns(
            re.compile(f"(?:[^{quote}]++|{doubled})*+", re.S), re.compile(f"[^{delimiter}]*+", re.S)
        )
    quoted = f"(?:[^{quote}{escape}]++|{doubled}|{escape}.)*+"
    return _Patterns(
        re.compile(quoted, re.S), re.compile(f"(?:[^{delimiter}{escape}]++|{escape}.)*+{escape}?", re.S)
    )


class RecordScanner:
    """Reads records from physical lines (without their ends); `ends` joins the lines of one record."""

    def __init__(
        self, dialect: Dialect, lines: Sequence[str], *, join: str = "\n", complete: bool = True
    ) -> None:
        self._dialect = dialect
        self._patterns = _patterns(dialect)
        self._lines = lines
        self._join = join
        self._complete = complete

    def scan(self, start: int) -> Scanned | None:
        """The record that starts at line `start`; None when it may go on after the last line given."""
        fields: list[str] = []
        text, end, position = self._lines[start], start + 1, 0
        while True:
            position = self._skip_blanks(text, position) if self._dialect.skip_space else position
            if not self._opens_quote(text, position):
                value, position = self._plain(text, position)
            else:
                opened = position
                search = position + 1
                while (close := self._closing(text, search)) is None:
                    if end >= len(self._lines) and not self._complete and len(text) <= MAX_RECORD_CHARS:
                        return None
                    if end >= len(self._lines) or len(text) > MAX_RECORD_CHARS:
                        return _broken(fields, RejectCode.UNCLOSED_QUOTE, text[opened : opened + 40])
                    search = len(text) if not self._ends_in_escape(text, search) else len(text) - 1
                    text += self._join + self._lines[end]
                    end += 1
                value = self._unescape(text[position + 1 : close])
                position = self._skip_blanks(text, close + 1)
                if position < len(text) and not text.startswith(self._dialect.delimiter, position):
                    code = RejectCode.STRAY_QUOTE if end == start + 1 else RejectCode.UNCLOSED_QUOTE
                    return _broken(fields, code, text[opened : close + 12])
            fields.append(value)
            if position >= len(text):
                return Scanned(fields, end - start)
            position += 1

    def _opens_quote(self, text: str, position: int) -> bool:
        return bool(self._dialect.quote) and text.startswith(self._dialect.quote, position)

    def _plain(self, text: str, position: int) -> tuple[str, int]:
        match = self._patterns.plain.match(text, position)
        end = match.end() if match else position
        value = text[position:end]
        return (self._unescape(value, quoted=False) if self._dialect.escape else value), end

    def _closing(self, text: str, search: int) -> int | None:
        match = self._patterns.quoted.match(text, search)
        end = match.end() if match else search
        return end if end < len(text) and text[end] == self._dialect.quote else None

    def _ends_in_escape(self, text: str, search: int) -> bool:
        match = self._patterns.quoted.match(text, search)
        return match is not None and match.end() < len(text)

    def _unescape(self, value: str, *, quoted: bool = True) -> str:
        quote, escape = self._dialect.quote, self._dialect.escape
        if not escape:
            return value.replace(quote * 2, quote)
        pairs = (
            f"{re.escape(quote * 2)}|{re.escape(escape)}(.)"
            if quoted and quote
            else f"{re.escape(escape)}(.)"
        )
        return re.sub(pairs, lambda m: m[1] if m[1] is not None else quote, value, flags=re.S)

    def _skip_blanks(self, text: str, position: int) -> int:
        while position < len(text) and text[position] in " \t" and text[position] != self._dialect.delimiter:
            position += 1
        return position


def _broken(fields: list[str], problem: RejectCode, detail: str) -> Scanned:
    return Scanned(fields, 1, problem, detail)
