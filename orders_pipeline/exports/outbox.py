"""The outbox: a folder, or any URL of fsspec, in which files appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orders_pipeline.base.files.new_files import new_file

FOLDER = "file://"
# A put is atomic there, and nothing can be renamed.
OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "memory")


class OutboxUnavailable(ConnectionError):
    """The outbox does not answer, or cannot be written."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """The outbox.

    Args:
        place: a folder, or a URL.
    """

    place: str = field(repr=False)

    def put(self, file: Path, name: str) -> None:
        """Copies a file to the outbox, and replaces one of this name.

        Raises:
            OutboxUnavailable: it cannot be written.
        """
        with _writing():
            if self._folder:
                _put_into_folder(file, self._folder, name)
                return
            files, root = self._opened()
            if self.place.partition(":")[0] in OBJECT_STORES:
                files.put_file(str(file), f"{root}/{name}")
                return
            files.makedirs(root, exist_ok=True)
            files.put_file(str(file), f"{root}/{_unfinished(name)}")
            files.mv(f"{root}/{_unfinished(name)}", f"{root}/{name}")

    def has(self, name: str) -> bool:
        """Whether the outbox has a file of this name.

        Raises:
            OutboxUnavailable: it cannot be read.
        """
        with _writing():
            if self._folder:
                return (self._folder / name).exists()
            files, root = self._opened()
            files.invalidate_cache()
            return bool(files.exists(f"{root}/{name}"))

    @property
    def _folder(self) -> Path | None:
        if "://" not in self.place or self.place.startswith(FOLDER):
            return Path(self.place.removeprefix(FOLDER))
        return None

    def _opened(self) -> tuple[Any, str]:
        # fsspec caches connections for each process; kept here, they would break after a fork.
        import fsspec  # noqa: PLC0415 not needed for a local folder

        files, root = fsspec.url_to_fs(self.place)
        return files, root.rstrip("/")


def _put_into_folder(file: Path, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / _unfinished(name)
    with file.open("rb") as source, new_file(unfinished) as target:
        shutil.copyfileobj(source, target)
        target.flush()
        # The order store remembers the file, so both survive a power failure.
        os.fsync(target.fileno())
    unfinished.replace(folder / name)


def _unfinished(name: str) -> str:
    return f".{name}.part"


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # Each kind of storage has errors of its own.
        raise OutboxUnavailable(f"The outbox cannot be used: {type(error).__name__}: {error}") from error
