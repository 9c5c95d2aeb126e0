"""Text that is safe to print and to store: file names and file contents may hold any characters."""

from __future__ import annotations

# How Python represents bytes that are not UTF-8 in a file name.
FIRST_BYTE, LAST_BYTE = 0xDC80, 0xDCFF
BYTE = 0xDC00


def printable(text: str) -> str:
    """The text with control characters, invisible characters and undecodable bytes escaped, as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if FIRST_BYTE <= code <= LAST_BYTE:
        return f"\\x{code - BYTE:02x}"
    return character.encode("unicode_escape").decode("ascii")
