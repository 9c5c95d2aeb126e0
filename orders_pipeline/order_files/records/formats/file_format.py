"""The contract of a file format: how a file is recognised and turned into delimited text.

Everything after that is the same for all formats: header, columns, values, rejects and their export. A new
format is a class with these members in a module of its own, a member of `Container`, and an entry in
`known_formats.py`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol

from orders_pipeline.base.refusals import FileRefused


class Container(StrEnum):
    """The format of a file; the value is stored with its import."""

    PLAIN = "plain"
    GZIP = "gzip"
    ZIP = "zip"


class FileFormat(Protocol):
    """A kind of file that can hold order lines.

    Attributes:
        magic: the bytes with which such a file begins.
        growth: bytes of text for each byte on disk, estimated.
        bounded: whether the text is refused once it is implausibly larger than the file.
        errors: what reading raises where the file is damaged.
    """

    magic: bytes
    growth: int
    bounded: bool
    errors: tuple[type[Exception], ...]

    def members(self, path: Path) -> list[str] | None:
        """Names of the tables inside, such as files of an archive; None where the file itself is the table.

        Raises:
            FileRefused: the file is damaged, or of another kind after all.
        """

    def open(self, path: Path, member: str) -> AbstractContextManager[BinaryIO]:
        """The delimited text of the file, or of one of its members, as bytes to be read in order."""


def damaged(name: str, error: Exception) -> FileRefused:
    """The refusal of a file that cannot be unpacked."""
    said = str(error) or type(error).__name__
    return FileRefused("archive_damaged", f"{name} cannot be unpacked: {said}.", "Copy or download it again.")
