"""Names of kept files: printable, and short enough for a number and the ending of a note."""

from __future__ import annotations

from pathlib import PurePath

from orders_pipeline.base.text.printable import printable_line

NOTE = ".reason.txt"
# File systems allow 255 bytes. The rest is for a number, such as in `orders-2.csv`, and for NOTE.
LONGEST_NAME = 255 - len(NOTE) - 12
LONGEST_SUFFIX = 20
NAMELESS = "orders"


def safe_name(name: str) -> str:
    """The name of a file without folders, printable, at most `LONGEST_NAME` bytes long; the suffix stays."""
    shown = printable_line(name).rpartition("/")[2]
    if shown in ("", ".", ".."):
        return NAMELESS
    if len(shown.encode()) <= LONGEST_NAME:
        return shown
    stem, suffix = _parted(shown)
    return stem.encode()[: LONGEST_NAME - len(suffix.encode())].decode(errors="ignore") + suffix


def numbered(name: str, number: str) -> str:
    """The name with a number before its suffix, for a second file of this name."""
    stem, suffix = _parted(name)
    return f"{stem}-{number}{suffix}"


def _parted(name: str) -> tuple[str, str]:
    path = PurePath(name)
    return (path.stem, path.suffix) if len(path.suffix.encode()) <= LONGEST_SUFFIX else (name, "")
