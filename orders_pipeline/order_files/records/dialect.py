"""The CSV dialect of a file: delimiter, quote character, escape character and line end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """A CSV dialect.

    Attributes:
        quote: the quote character; empty if fields are not quoted.
        escape: the escape character; empty if there is none.
        skip_space: whether spaces after a delimiter are ignored.
        line_end: the line end to write; the reader accepts every kind of line end.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    skip_space: bool = False
    line_end: str = "\n"
