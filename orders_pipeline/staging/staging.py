"""The staging area: each order file and its batches, by partition key."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from orders_pipeline.base.files.home import make_home
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.settings import Settings
from orders_pipeline.order_files.records.regular_file import open_regular_file
from orders_pipeline.staging.area import Area, LocalArea
from orders_pipeline.staging.file_names import safe_name
from orders_pipeline.staging.keys import safe
from orders_pipeline.staging.remote_area import RemoteArea, StagingUnavailable

CHUNK = 1 << 20
FOLDER = "file://"


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """A temporary copy of an order file, and of its companion if it has one, before it is staged.

    Args:
        name: name of the original file; printable, and shortened if it is very long.
        companion_sha256: empty if there is no companion.
    """

    name: str
    sha256: str
    bytes: int
    companion_sha256: str
    original: Path
    companion: Path | None


@dataclass(frozen=True, slots=True)
class Staging:
    """The staging area.

    Args:
        folder: the staging area, or, with a `url`, the folder for files in transit.
        url: any URL that fsspec can open; empty for the local folder.
    """

    folder: Path
    url: str = field(default="", repr=False)

    @contextmanager
    def copied(self, file: Path, *, name: str = "", follow_links: bool = True) -> Iterator[CopiedFile]:
        """Yields a temporary copy of a file; `keep` stages it. At the end, the copy is removed.

        Args:
            name: its original name, if it is another now.
            follow_links: whether the path may be a symbolic link.

        Raises:
            FileRefused: the file cannot be read, or is not a regular file.
            StagingUnavailable: the copy cannot be written.
        """
        incoming = self.folder / f".incoming-{uuid4().hex}"
        copy = incoming / "original" / safe_name(name or file.name)
        try:
            with _writing():
                make_home(self.folder.parent)
            with open_regular_file(file, follow_links=follow_links) as opened:
                sha256, size = _copy_and_hash(opened, copy)
            yield CopiedFile(copy.name, sha256, size, "", copy, None)
        finally:
            shutil.rmtree(incoming, ignore_errors=True)

    def with_companion(
        self, copied: CopiedFile, companion: Path | None, *, follow_links: bool = True
    ) -> CopiedFile:
        """Adds a copy of the second file that belongs to a copied file, if it has one.

        Raises:
            FileRefused: the second file cannot be read, or is not a regular file.
            StagingUnavailable: the copy cannot be written.
        """
        if companion is None:
            return copied
        copy = copied.original.parent.with_name("companion") / companion.name
        with open_regular_file(companion, follow_links=follow_links) as opened:
            sha256, _ = _copy_and_hash(opened, copy)
        return replace(copied, companion=copy, companion_sha256=sha256)

    def keep(self, copied: CopiedFile, key: str) -> None:
        """Stages a copy under a partition key, and replaces any file with this key.

        Raises:
            StagingUnavailable: the staging area does not answer, or cannot be written.
        """
        with _writing():
            if copied.companion:
                self._area.put(copied.companion, _companion(key, copied.companion.name))
            self._area.put(copied.original, _original(key))

    @contextmanager
    def original(self, key: str) -> Iterator[Path]:
        """Yields a local path of the staged file.

        Raises:
            FileRefused: the staged file is missing.
        """
        with self._local(_original(key), key) as path:
            yield path

    @contextmanager
    def companion(self, key: str, path: str) -> Iterator[Path | None]:
        """Yields a local path of the staged copy of the companion that was at `path`; None for no companion.

        Raises:
            FileRefused: the copy is missing.
        """
        if not path:
            yield None
            return
        with self._local(_companion(key, path), key) as copy:
            yield copy

    def has_companion(self, key: str, path: str) -> bool:
        """Whether there is a staged copy of the companion that was at `path`."""
        return bool(path) and self._area.has(_companion(key, path))

    def has_batches(self, key: str, numbers: Collection[int]) -> bool:
        """Whether these parsed batches are there and complete."""
        if not numbers:
            return True
        needed = {file for number in numbers for file in _files_of(number)}
        return needed <= self._area.batch_files(safe(key))

    @contextmanager
    def batch(self, key: str, number: int) -> Iterator[Path]:
        """Yields a local folder with a parsed batch."""
        with self._area.local_batches(safe(key), _files_of(number)) as folder:
            yield folder

    @contextmanager
    def parsing(self, key: str) -> Iterator[Path]:
        """Yields a new folder for one attempt to parse the file, and removes what is not kept as batches."""
        with self._area.workplace(safe(key)) as made:
            yield made

    def send_batches(self, key: str, parsed: Path) -> None:
        """Transfers the folder of an attempt, before `keep_batches`; over a network this may take long."""
        self._area.send(parsed, safe(key))

    def keep_batches(self, key: str, parsed: Path) -> None:
        """Makes the folder of an attempt, after `send_batches`, the batches of the file."""
        self._area.switch(parsed, safe(key))

    def clear_tries(self, key: str) -> None:
        """Removes what killed attempts left behind."""
        self._area.clear_tries(safe(key))

    def put_back(self, key: str, kept: Path) -> None:
        """Copies a staged file back from a folder with `original` and, for some files, `companion/NAME`."""
        for file in (path for path in kept.rglob("*") if path.is_file()):
            incoming = self.folder / f".incoming-{uuid4().hex}"
            incoming.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, incoming)
            self._area.put(incoming, f"{safe(key)}/{file.relative_to(kept).as_posix()}")

    def remove_batches(self, key: str) -> None:
        """Removes the parsed batches, which can be made again from the original."""
        self._area.clear_tries(safe(key))
        self._area.remove_batches(safe(key))

    def remove(self, key: str) -> None:
        """Removes the original with its companion and batches."""
        self._area.remove(safe(key))

    @property
    def _area(self) -> Area:
        return RemoteArea(self.url, self.folder) if self.url else LocalArea(self.folder)

    @contextmanager
    def _local(self, name: str, key: str) -> Iterator[Path]:
        with ExitStack() as stack:
            try:
                path = stack.enter_context(self._area.local(name))
            except FileNotFoundError:
                raise FileRefused(
                    "staged_file_lost",
                    f"The staged copy of {key}, {Path(name).name}, is missing.",
                    "Import or stage the file again. The import continues where it stopped.",
                ) from None
            yield path


def open_staging(settings: Settings) -> Staging:
    """Returns the staging area from the settings."""
    if settings.staging_url.startswith(FOLDER):
        return Staging(Path(settings.staging_url.removeprefix(FOLDER)))
    return Staging(settings.staging_folder, settings.staging_url)


def _original(key: str) -> str:
    return f"{safe(key)}/original"


def _companion(key: str, path: str) -> str:
    return f"{safe(key)}/companion/{Path(path).name}"


def _files_of(number: int) -> tuple[str, ...]:
    return tuple(f"batch-{number:04}.{part}.parquet" for part in ("orders", "lines"))


def hash_file(file: Path) -> str:
    """Returns the SHA-256 of a file's content."""
    with file.open("rb") as reader:
        return hashlib.file_digest(reader, "sha256").hexdigest()


@contextmanager
def _writing() -> Iterator[None]:
    """Tells errors of the staging area from those of the file that is staged."""
    try:
        yield
    except StagingUnavailable:
        raise
    except OSError as error:
        message = f"The staging area cannot be written: {error.strerror}. Check the disk and the permissions"
        raise StagingUnavailable(message) from error


def _copy_and_hash(reader: BinaryIO, target: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with _writing():
        target.parent.mkdir(parents=True)
        with target.open("wb") as writer:
            for chunk in _chunks(reader):
                digest.update(chunk)
                size += len(chunk)
                writer.write(chunk)
            writer.flush()
            # The order store's entry for the file survives a power failure, so the file must survive it, too.
            os.fsync(writer.fileno())
    _copy_times(reader, target)
    return digest.hexdigest(), size


def _chunks(reader: BinaryIO) -> Iterator[bytes]:
    try:
        while chunk := reader.read(CHUNK):
            yield chunk
    except OSError as error:
        message = f"{reader.name} cannot be read: {error.strerror}."
        raise FileRefused("file_unreadable", message, "Check the disk and the file's permissions.") from None


def _copy_times(reader: BinaryIO, target: Path) -> None:
    found = os.fstat(reader.fileno())
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
