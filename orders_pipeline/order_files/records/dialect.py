"""How a file separates, quotes and ends its fields and records."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """`quote` and `escape` are one character or empty; `skip_space`: blanks after a delimiter are no data.

    `line_end` is that of the file's first lines, used where a file is written in this dialect; every record
    end is recognised wherever it stands.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    skip_space: bool = False
    line_end: str = "\n"
