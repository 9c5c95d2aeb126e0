"""The contract of a staging area, and the staging area in a local folder."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

TRY = "parsing-"
PARQUET_END = b"PAR1"


class Area(Protocol):
    """Files by name, and folders of batches that are replaced as a whole.

    Callers pass only names that are safe to join to a path.
    """

    def put(self, file: Path, name: str) -> None:
        """Moves a local file into the area atomically."""

    def local(self, name: str) -> AbstractContextManager[Path]:
        """Yields the path of a local copy of a file.

        Raises:
            FileNotFoundError: the file does not exist.
        """

    def has(self, name: str) -> bool:
        """Whether the file exists."""

    def workplace(self, folder: str) -> AbstractContextManager[Path]:
        """Yields the path of a folder to create, fill with batches and `send`; removes it at the end."""

    def send(self, made: Path, folder: str) -> None:
        """Transfers the batches in a workplace, which may take long. They are visible only after `switch`."""

    def switch(self, made: Path, folder: str) -> None:
        """Replaces the batches of the folder, atomically, with those that were sent."""

    def batch_files(self, folder: str) -> set[str]:
        """Returns the names of the complete files of the current batches."""

    def local_batches(self, folder: str, files: Iterable[str]) -> AbstractContextManager[Path]:
        """Yields a local folder with these files of the current batches."""

    def clear_tries(self, folder: str) -> None:
        """Removes batches that were made or sent, but are not the current ones."""

    def remove_batches(self, folder: str) -> None:
        """Removes all batches of the folder."""

    def remove(self, folder: str) -> None:
        """Removes a folder with its content."""


@dataclass(frozen=True, slots=True)
class LocalArea:
    """A folder on this machine, or one that all machines mount at the same path; nothing is copied."""

    root: Path

    def put(self, file: Path, name: str) -> None:
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)
        for folder in Path(name).parents:
            _keep_names(self.root / folder)

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        path = self.root / name
        if not path.is_file():
            raise FileNotFoundError(str(path))
        yield path

    def has(self, name: str) -> bool:
        return (self.root / name).is_file()

    @contextmanager
    def workplace(self, folder: str) -> Iterator[Path]:
        made = self.root / folder / new_try()
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def send(self, made: Path, folder: str) -> None:
        """Does nothing: the batches are already in the area."""

    def switch(self, made: Path, folder: str) -> None:
        self.remove_batches(folder)
        made.rename(self._batches(folder))

    def batch_files(self, folder: str) -> set[str]:
        try:
            return {path.name for path in self._batches(folder).iterdir() if _is_whole(path)}
        except FileNotFoundError:
            # There are no batches, or a second run of the same step is replacing them right now.
            return set()

    @contextmanager
    def local_batches(self, folder: str, _files: Iterable[str]) -> Iterator[Path]:
        yield self._batches(folder)

    def clear_tries(self, folder: str) -> None:
        for left in (self.root / folder).glob(f"{TRY}*"):
            shutil.rmtree(left, ignore_errors=True)

    def remove_batches(self, folder: str) -> None:
        shutil.rmtree(self._batches(folder), ignore_errors=True)

    def remove(self, folder: str) -> None:
        shutil.rmtree(self.root / folder, ignore_errors=True)

    def _batches(self, folder: str) -> Path:
        return self.root / folder / "batches"


def _keep_names(folder: Path) -> None:
    """Syncs a folder, so that the names of new files survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems do not support this.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def _is_whole(batch: Path) -> bool:
    """Whether a Parquet file is complete. A full disk or a power failure leaves incomplete ones."""
    with batch.open("rb") as file:
        file.seek(-min(batch.stat().st_size, len(PARQUET_END)), os.SEEK_END)
        return file.read() == PARQUET_END


def new_try() -> str:
    """Returns a unique folder name for one attempt to parse a file."""
    return f"{TRY}{uuid4().hex}"
