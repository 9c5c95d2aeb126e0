"""Finds the table in an order file, and streams its text as bytes, whether it is packed or not."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.content import (
    HEAD_BYTES,
    Content,
    binary_content,
    refuse_unreadable,
    text_content,
)
from orders_pipeline.order_files.records.formats.file_format import Container, FileFormat, damaged
from orders_pipeline.order_files.records.formats.known_formats import FORMATS
from orders_pipeline.order_files.records.regular_file import open_regular_file

CHUNK_BYTES = 4 << 20
# Order files compress to about a tenth. A file that unpacks to far more is a mistake or an attack.
MAX_RATIO = 200
FREE_BYTES = 64 << 20
LONGEST_MAGIC = 16


@dataclass(frozen=True, slots=True)
class Source:
    """The file, or the table inside a file, that contains the order lines.

    Attributes:
        member: the table inside the file, such as a file in a zip archive; empty if there is only one.
        called: the file's original name, if it is stored under another name.
        content: the kind of its records.
        table: the sheet of a workbook, or the path of a list in JSON; empty if it is not chosen yet.
    """

    path: str
    container: Container
    member: str = ""
    called: str = ""
    content: Content = Content.TEXT
    table: str = ""

    @property
    def name(self) -> str:
        return self.called or Path(self.path).name

    @property
    def format(self) -> FileFormat:
        return FORMATS[self.container]

    def size(self) -> int:
        """Returns the size on disk in bytes, before unpacking."""
        return Path(self.path).stat().st_size

    def unpacked_size(self) -> int:
        """Returns the size of the text in bytes; an estimate for a packed file."""
        return self.size() * self.format.growth


def open_source(path: Path, member: str | None = None, leave_out: tuple[str, ...] = ()) -> Source:
    """Finds the order lines in a file.

    Args:
        member: the table inside the file; None if the file has only one.
        leave_out: patterns of tables inside the file to ignore.

    Raises:
        FileRefused: the file is missing, a directory, empty, unreadable, or cannot contain order lines.
    """
    magic = _first_bytes(path)
    refuse_unreadable(path.name, magic)
    if content := binary_content(path, magic):
        if member:
            raise _no_archive(path.name, member)
        return Source(str(path), Container.PLAIN, content=content)
    container = next(name for name, known in FORMATS.items() if magic.startswith(known.magic))
    names = FORMATS[container].members(path)
    if names is None and member:
        raise _no_archive(path.name, member)
    source = Source(str(path), container, "" if names is None else _member(path, names, member, leave_out))
    with closing(read_chunks(source, HEAD_BYTES)) as chunks:
        return replace(source, content=text_content(path.name, next(chunks, b"")))


def members_of(source: Source) -> list[str]:
    """Returns the names of all tables inside the file; none if the file itself is the table.

    Raises:
        FileRefused: the file is damaged.
    """
    return source.format.members(Path(source.path)) or []


def read_chunks(source: Source, chunk_bytes: int = CHUNK_BYTES) -> Generator[bytes]:
    """Yields the text in chunks of bytes.

    Raises:
        FileRefused: the file is damaged or encrypted, or unpacks to more than `MAX_RATIO` times its size.
    """
    limit = max(FREE_BYTES, source.size() * MAX_RATIO)
    total = 0
    try:
        with source.format.open(Path(source.path), source.member) as file:
            while chunk := file.read(chunk_bytes):
                total += len(chunk)
                if source.format.bounded and total > limit:
                    raise _too_large(source)
                yield chunk
    except FileRefused:
        raise
    except source.format.errors as error:
        raise damaged(source.name, error) from None
    except OSError as error:
        raise FileRefused(
            "file_unreadable",
            f"{source.name} cannot be read: {error.strerror}.",
            "Check the disk and the file's permissions.",
        ) from None


def _first_bytes(path: Path) -> bytes:
    try:
        with open_regular_file(path) as file:
            magic = file.read(LONGEST_MAGIC)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise FileRefused("file_unreadable", message, "Check its permissions.") from None
    if not magic:
        raise _empty(path.name)
    return magic


def _member(path: Path, names: list[str], wanted: str | None, leave_out: tuple[str, ...]) -> str:
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
    message = f"{path.name} contains {held}. One of these must be chosen as the order file."
    raise FileRefused("archive_ambiguous", message, "Name one of them in the option `member`.")


def _no_archive(name: str, member: str) -> FileRefused:
    message = f"{name} is not an archive, so it has no member {member!r}."
    return FileRefused("option_invalid", message, "Leave out --member.")


def _too_large(source: Source) -> FileRefused:
    return FileRefused(
        "archive_too_large",
        f"{source.name} unpacks to more than {MAX_RATIO} times its size.",
        "If you trust the file, unpack it and import the file inside.",
    )


def _empty(name: str) -> FileRefused:
    return FileRefused(
        "file_empty", f"{name} is empty. A header row and order lines were expected.", "Export it again."
    )
