"""Text for terminals and log files: characters that would change the display are shown as escapes.

File names and the content of files can contain them: control sequences that move the cursor or set the title,
and marks that reverse the order of the characters around them.
"""

from __future__ import annotations

import json
import re
from typing import Any

# Control characters except line feed and tab, line separators, bidirectional marks, and halves of characters.
UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)

# How Python represents bytes that are not UTF-8 in a file name.
FIRST_BYTE, LAST_BYTE, BYTE = 0xDC80, 0xDCFF, 0xDC00


def printable(text: str) -> str:
    r"""The text with unprintable characters as `\x1b` or `\u202e`."""
    return UNPRINTABLE.sub(_escape, text)


def printable_line(text: str) -> str:
    r"""The text on one line, for file names and what quotes them.

    Line ends, tabs and invisible characters are escaped, too, and bytes that are not UTF-8, as `\xff`.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON without unprintable characters, in ASCII only where it needs to be."""
    written = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _escaped(character: str) -> str:
    code = ord(character)
    if FIRST_BYTE <= code <= LAST_BYTE:
        return f"\\x{code - BYTE:02x}"
    return character.encode("unicode_escape").decode("ascii")
