"""The bytes of a file: plain, gzip or zip, by streaming, with a bound on what may be unpacked."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

from orders_pipeline.base.refusals import FileRefused

CHUNK_BYTES = 4 << 20
PACKED_RATIO = 10
# Order files shrink about tenfold; far beyond that an archive is a mistake or an attack.
MAX_RATIO = 200
FREE_BYTES = 64 << 20


class Container(StrEnum):
    """What a file is wrapped in."""

    PLAIN = "plain"
    GZIP = "gzip"
    ZIP = "zip"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bytes come from; `member` is the file inside a zip archive, `called` the name that people
    know the file by, if it lies under another."""

    path: str
    container: Container
    member: str = ""
    called: str = ""

    @property
    def name(self) -> str:
        return self.called or Path(self.path).name

    def size(self) -> int:
        """Bytes on disk, packed if the file is packed."""
        return Path(self.path).stat().st_size

    def unpacked_size(self) -> int:
        """Bytes unpacked, estimated if the file is packed."""
        return self.size() * (1 if self.container is Container.PLAIN else PACKED_RATIO)


_FOREIGN = {
    b"%PDF": "a PDF document",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"SQLite format 3": "an SQLite database",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"ARROW1": "an Arrow file",
}


def open_source(path: Path, member: str | None = None, leave_out: tuple[str, ...] = ()) -> Source:
    """The source of an order file; `leave_out` are patterns of files in an archive that are not meant.

    Raises:
        FileRefused: missing, a directory, empty, unreadable, or nothing that could hold order lines.
    """
    if not path.exists():
        raise FileRefused(
            "file_missing", f"{path} does not exist: an order file was expected.", "Check the path."
        )
    if not path.is_file():
        what = "a directory" if path.is_dir() else "no regular file"
        raise FileRefused(
            "not_a_file", f"{path} is {what}: an order file was expected.", "Name the file itself."
        )
    try:
        with path.open("rb") as file:
            magic = file.read(16)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise FileRefused("file_unreadable", message, "Check its permissions.") from None
    if not magic:
        raise _empty(path.name)
    return _recognised(path, magic, member, leave_out)


def zip_members(path: Path) -> list[str]:
    """Names of the files in a zip archive that hold something; none if it is no archive.

    Raises:
        FileRefused: the archive is damaged, or an Excel workbook.
    """
    if not zipfile.is_zipfile(path):
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir() and info.file_size]
    except zipfile.BadZipFile as error:
        raise _damaged(path.name, error) from None
    if any(name.startswith("xl/") for name in names):
        message = f"{path.name} is an Excel workbook, not an order file in CSV."
        raise FileRefused("not_text", message, "Save the sheet as CSV.")
    return [
        name for name in names if not name.startswith("__MACOSX/") and not Path(name).name.startswith(".")
    ]


def read_chunks(source: Source, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The unpacked bytes.

    Raises:
        FileRefused: the archive is damaged, or unpacks to more than `MAX_RATIO` times its size.
    """
    limit = max(FREE_BYTES, source.size() * MAX_RATIO)
    total = 0
    try:
        with _opened(source) as file:
            while chunk := file.read(chunk_bytes):
                total += len(chunk)
                if source.container is not Container.PLAIN and total > limit:
                    raise FileRefused(
                        "archive_too_large",
                        f"{source.name} unpacks to more than {MAX_RATIO} times its size.",
                        "Unpack it yourself if you trust it, and import the file inside.",
                    )
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise _damaged(source.name, error) from None
    except RuntimeError:
        raise FileRefused(
            "archive_encrypted", f"{source.name} is encrypted.", "Unpack it, and import the file inside."
        ) from None
    except OSError as error:
        raise FileRefused(
            "file_unreadable",
            f"{source.name} cannot be read: {error.strerror}.",
            "Check the disk and its rights.",
        ) from None


def _recognised(path: Path, magic: bytes, member: str | None, leave_out: tuple[str, ...]) -> Source:
    if magic.startswith(b"\x1f\x8b"):
        return Source(str(path), Container.GZIP)
    if magic.startswith(b"PK\x03\x04"):
        return Source(str(path), Container.ZIP, _member(path, member, leave_out))
    for start, kind in _FOREIGN.items():
        if magic.startswith(start):
            message = f"{path.name} is {kind}, not an order file in CSV."
            raise FileRefused("not_text", message, "Export it as CSV.")
    return Source(str(path), Container.PLAIN)


def _member(path: Path, wanted: str | None, leave_out: tuple[str, ...]) -> str:
    if not zipfile.is_zipfile(path):
        raise _damaged(path.name, zipfile.BadZipFile("it has no end"))
    names = zip_members(path)
    if wanted in names:
        return str(wanted)
    meant = [
        name for name in names if not any(fnmatchcase(Path(name).name, pattern) for pattern in leave_out)
    ]
    if len(meant) == 1 and wanted is None:
        return meant[0]
    if not names:
        raise _empty(path.name)
    held = ", ".join(names[:5])
    message = f"{path.name} holds {held}: one order file was expected, or the name of one of them."
    raise FileRefused("archive_ambiguous", message, "Name one of them as the member.")


def _damaged(name: str, error: Exception) -> FileRefused:
    return FileRefused(
        "archive_damaged", f"{name} cannot be unpacked: {error}.", "Copy or download it again."
    )


def _empty(name: str) -> FileRefused:
    return FileRefused(
        "file_empty", f"{name} is empty: a header and order lines were expected.", "Export it again."
    )


@contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    path = Path(source.path)
    if source.container is Container.GZIP:
        with gzip.open(path, "rb") as unpacked:
            yield unpacked  # type: ignore[misc]
    elif source.container is Container.ZIP:
        with zipfile.ZipFile(path) as archive, archive.open(source.member) as member:
            yield member  # type: ignore[misc]
    else:
        with path.open("rb") as file:
            yield file
