"""The contract of a file format: how to recognise a file and turn it into delimited text.

All later steps (header, columns, values, rejects and their export) are the same for all formats. To add a
format, write a class with these members in its own module, add a member to `Container` and an entry to
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
    """A kind of file that can contain order lines.

    Attributes:
        magic: the first bytes of every such file.
        growth: estimated bytes of text for each byte on disk.
        bounded: whether to refuse a file whose text is implausibly larger than the file.
        errors: the exceptions that reading a damaged file raises.
    """

    magic: bytes
    growth: int
    bounded: bool
    errors: tuple[type[Exception], ...]

    def members(self, path: Path) -> list[str] | None:
        """Returns the names of the tables inside, such as files in an archive.

        Returns None if the file itself is the table.

        Raises:
            FileRefused: the file is damaged, or is of another kind.
        """

    def open(self, path: Path, member: str) -> AbstractContextManager[BinaryIO]:
        """Opens the delimited text of the file, or of one of its members, for reading as bytes."""


def damaged(name: str, error: Exception) -> FileRefused:
    """Returns the refusal of a file that cannot be unpacked."""
    said = str(error) or type(error).__name__
    return FileRefused("archive_damaged", f"{name} cannot be unpacked: {said}.", "Copy or download it again.")
