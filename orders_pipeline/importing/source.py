"""The bytes of a file: plain, gzip or zip, by streaming, with a bound on what may be unpacked."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from orders_pipeline.importing.errors import FileRefused

CHUNK_BYTES = 8 << 20
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
    """Where the bytes come from; `member` is the file inside a zip archive."""

    path: str
    container: Container
    member: str = ""

    @property
    def name(self) -> str:
        return Path(self.path).name

    def size(self) -> int:
        """Bytes on disk, packed if the file is packed."""
        return Path(self.path).stat().st_size


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


def open_source(path: Path, member: str | None = None) -> Source:
    """The source of an order file.

    Raises:
        FileRefused: missing, a directory, empty, unreadable, or nothing that could hold order lines.
    """
    if not path.exists():
        raise FileRefused("file_missing", f"{path} does not exist.", "Check the path.")
    if not path.is_file():
        raise FileRefused(
            "not_a_file", f"{path} is not a file but a directory.", "Name the order files in it."
        )
    try:
        with path.open("rb") as file:
            magic = file.read(16)
    except OSError as error:
        raise FileRefused(
            "file_unreadable", f"{path} cannot be read: {error.strerror}.", "Check its rights."
        ) from None
    if not magic:
        raise _empty(path.name)
    return _recognised(path, magic, member)


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
        raise FileRefused(
            "archive_damaged", f"{source.name} cannot be unpacked: {error}.", "Copy or download it again."
        ) from None
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


def _recognised(path: Path, magic: bytes, member: str | None) -> Source:
    if magic.startswith(b"\x1f\x8b"):
        return Source(str(path), Container.GZIP)
    if magic.startswith(b"PK\x03\x04"):
        return Source(str(path), Container.ZIP, _member(path, member))
    for start, kind in _FOREIGN.items():
        if magic.startswith(start):
            raise FileRefused(
                "not_text", f"{path.name} is {kind}, not an order file in CSV.", "Export it as CSV."
            )
    return Source(str(path), Container.PLAIN)


def _member(path: Path, wanted: str | None) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [i.filename for i in archive.infolist() if not i.is_dir() and i.file_size]
    except zipfile.BadZipFile as error:
        raise FileRefused(
            "archive_damaged", f"{path.name} cannot be unpacked: {error}.", "Copy or download it again."
        ) from None
    if any(name.startswith("xl/") for name in names):
        raise FileRefused("not_text", f"{path.name} is an Excel workbook, not CSV.", "Save the sheet as CSV.")
    names = [n for n in names if not n.startswith("__MACOSX/") and not Path(n).name.startswith(".")]
    if wanted in names:
        return str(wanted)
    if len(names) == 1 and wanted is None:
        return names[0]
    if not names:
        raise _empty(path.name)
    raise FileRefused(
        "archive_ambiguous",
        f"{path.name} holds several files: {', '.join(names[:5])}.",
        "Name one of them as `member`.",
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
