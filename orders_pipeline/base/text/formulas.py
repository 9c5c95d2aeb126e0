"""Text that a spreadsheet would run as a formula, and how exports make it harmless.

An apostrophe before the sign makes a cell a text. A spreadsheet may split a line at other delimiters than the
export has, and skips blanks, quotes and invisible characters. So the beginning of each part counts, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable

SIGNS = "=+@\\-\uff1d\uff0b\uff20\uff0d\ufe66\ufe62\ufe6b\ufe63"
PARTS_END_AT = ",;|\\t\\r\\n"
SKIPPED = "\\s\"'`\\x00-\\x20\u00a0\u200b-\u200f\u2060\ufeff"
A_NUMBER = "[+-][\\d.,]*\\s*$"


def escaping(delimiter: str = ",") -> Callable[[str], str]:
    """A function that puts an apostrophe before each sign in a text that could begin a formula.

    A part that is a number with a sign stays as it is.
    """
    start = re.compile(f"{_begin(delimiter)}(?=[{SIGNS}])")
    number = re.compile(A_NUMBER.replace("$", f"(?:$|[{_ends(delimiter)}])"))

    def escaped(found: re.Match[str]) -> str:
        harmless = "'" not in found[0] and number.match(found.string, found.end())
        return found[0] if harmless else f"{found[0]}'"

    return lambda text: start.sub(escaped, text)


def escaped_sign(delimiter: str = ",") -> str:
    """A regular expression for polars that finds escaped signs; `${1}${2}` is the text as it was."""
    return f"({_begin(delimiter)})'([{SIGNS}])"


def _begin(delimiter: str) -> str:
    return f"(?:^|[{_ends(delimiter)}])[{SKIPPED}]*"


def _ends(delimiter: str) -> str:
    return PARTS_END_AT + re.escape(delimiter)
