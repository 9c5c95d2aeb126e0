"""The zip format: one or more files of delimited text in an archive."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.formats.file_format import damaged

# zipfile does not validate every field that it reads, so damaged archives raise other errors than BadZipFile
# too.
ZIP_ERRORS: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    IndexError,
    KeyError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    UnicodeDecodeError,
    ValueError,
    struct.error,
)


class ZipArchive:
    """A zip archive with one or more files."""

    magic = b"PK\x03\x04"
    growth = 10
    bounded = True
    errors: tuple[type[Exception], ...] = ZIP_ERRORS

    def members(self, path: Path) -> list[str]:
        """Returns the names of the files in the archive, without empty and hidden ones."""
        try:
            with zipfile.ZipFile(path) as archive:
                names = [info.filename for info in archive.infolist() if not info.is_dir() and info.file_size]
        except self.errors as error:
            raise damaged(path.name, error) from None
        return [name for name in names if not _is_added_by_a_system(name)]

    @contextmanager
    def open(self, path: Path, member: str) -> Iterator[BinaryIO]:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(member).flag_bits & 1:
                hint = "Unpack it and import the file inside."
                raise FileRefused("archive_encrypted", f"{path.name} is encrypted.", hint)
            with archive.open(member) as file:
                yield file  # type: ignore[misc]


def _is_added_by_a_system(name: str) -> bool:
    return name.startswith("__MACOSX/") or Path(name).name.startswith(".")
