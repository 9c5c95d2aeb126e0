"""The format gzip: one file of delimited text, compressed."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class GzipFile:
    """One file compressed with gzip."""

    magic = b"\x1f\x8b"
    growth = 10
    bounded = True
    errors: tuple[type[Exception], ...] = (EOFError, zlib.error, gzip.BadGzipFile)

    def members(self, path: Path) -> None:  # noqa: ARG002 it packs one file
        return None

    @contextmanager
    def open(self, path: Path, member: str) -> Iterator[BinaryIO]:  # noqa: ARG002
        with gzip.open(path, "rb") as unpacked:
            yield unpacked  # type: ignore[misc]
