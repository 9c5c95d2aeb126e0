"""Divides a line into fields in every possible way, when a quote inside a field may be text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orders_pipeline.order_files.records.dialect import Dialect
from orders_pipeline.order_files.records.scanner import unescaped


@dataclass(frozen=True, slots=True)
class Piece:
    """A possible field of a line. It is not `sure` if its text contains what could also be its end."""

    value: str
    following: int
    sure: bool = True


class Pieces:
    """The possible fields at each place of a line.

    Args:
        joined: whether unquoted text may contain the delimiter.
    """

    def __init__(self, line: str, dialect: Dialect, *, joined: bool) -> None:
        self._line = line
        self._dialect = dialect
        self._joined = joined
        delimiter, quote = re.escape(dialect.delimiter), re.escape(dialect.quote)
        self._ends = [*self._places(delimiter), len(line)]
        blanks = "".join(blank for blank in " \t" if blank != dialect.delimiter)
        self._closings = self._places(f"{quote}(?=[{blanks}]*(?:{delimiter}|$))") if quote else []

    def starting(self, at: int) -> Iterator[Piece]:
        """Yields each field that can start at `at`."""
        while self._dialect.skip_space and self._line.startswith(" ", at):
            at += 1
        if self._dialect.quote and self._line.startswith(self._dialect.quote, at):
            yield from self._quoted(at)
        else:
            yield from self._plain(at)

    def _quoted(self, at: int) -> Iterator[Piece]:
        sure = True
        for closing in self._closings:
            if closing > at:
                end = self._end(closing)
                text = unescaped(self._line[at + 1 : closing], self._dialect, quoted=True)
                yield Piece(text, end + 1, sure)
                sure = False
        end = self._end(at)
        text = self._line[at:end]
        # A quote at the end of the line may open a field that continues on the next line.
        if end < len(self._line) and not text[1:].rstrip().endswith(self._dialect.quote):
            yield Piece(text, end + 1)

    def _plain(self, at: int) -> Iterator[Piece]:
        for end in self._ends:
            if end >= at:
                yield Piece(unescaped(self._line[at:end], self._dialect, quoted=False), end + 1)
                if not self._joined or self._line.startswith(self._dialect.quote or "\n", end + 1):
                    return

    def _end(self, at: int) -> int:
        return next(end for end in self._ends if end >= at)

    def _places(self, pattern: str) -> list[int]:
        """Returns the places where `pattern` occurs without an escape character before it."""
        dialect = self._dialect
        escape, special = map(re.escape, (dialect.escape, dialect.quote + dialect.escape + dialect.delimiter))
        skipped = f"{escape}[{special}]|" if escape else ""
        return [found.start() for found in re.finditer(f"{skipped}({pattern})", self._line) if found[1]]
