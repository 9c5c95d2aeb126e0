"""The plain format: delimited text that needs no unpacking."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class PlainText:
    """A file of delimited text."""

    magic = b""
    growth = 1
    bounded = False
    errors: tuple[type[Exception], ...] = ()

    def members(self, path: Path) -> None:  # noqa: ARG002 the file is the table
        return None

    @contextmanager
    def open(self, path: Path, member: str) -> Iterator[BinaryIO]:  # noqa: ARG002
        with path.open("rb") as file:
            yield file
