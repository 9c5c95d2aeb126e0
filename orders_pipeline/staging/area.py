"""Where staged files lie, and the area that is a local folder."""

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
    """Files by name, and folders of batches that are exchanged as a whole. Names are safe to join."""

    def put(self, file: Path, name: str) -> None:
        """Moves a local file in; it appears whole or not at all."""

    def local(self, name: str) -> AbstractContextManager[Path]:
        """A file as a local one; FileNotFoundError where it is gone."""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""

    def workplace(self, folder: str) -> AbstractContextManager[Path]:
        """An absent local folder below `folder`, from which it is cheap to `send`; removed afterwards."""

    def send(self, made: Path, folder: str) -> None:
        """Transfers the batches in a workplace; nobody sees them before `switch`. May take long."""

    def switch(self, made: Path, folder: str) -> None:
        """Makes what was sent the batches of the folder, at one stroke."""

    def batch_files(self, folder: str) -> set[str]:
        """Names of the batches' files that lie there whole."""

    def local_batches(self, folder: str, files: Iterable[str]) -> AbstractContextManager[Path]:
        """A local folder that holds these of the batches' files."""

    def clear_tries(self, folder: str) -> None:
        """Removes what was made or sent and is not in use."""

    def remove_batches(self, folder: str) -> None:
        """Removes the batches."""

    def remove(self, folder: str) -> None:
        """Removes a folder with all that is in it."""


@dataclass(frozen=True, slots=True)
class LocalArea:
    """A folder of this machine, or one that all machines mount at the same path; nothing is copied."""

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
        """Nothing is to be done: the batches lie where they belong."""

    def switch(self, made: Path, folder: str) -> None:
        self.remove_batches(folder)
        made.rename(self._batches(folder))

    def batch_files(self, folder: str) -> set[str]:
        try:
            return {path.name for path in self._batches(folder).iterdir() if _is_whole(path)}
        except FileNotFoundError:
            # There are none, or a twin exchanges them at this moment.
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
    """Makes the names in a folder survive a power cut, as their files' content does."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems of a network know of no such thing.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def _is_whole(batch: Path) -> bool:
    """Whether a Parquet file was written to its end: a full disk or a power cut leaves others."""
    with batch.open("rb") as file:
        file.seek(-min(batch.stat().st_size, len(PARQUET_END)), os.SEEK_END)
        return file.read() == PARQUET_END


def new_try() -> str:
    """Name of a try at parsing that no other has."""
    return f"{TRY}{uuid4().hex}"
