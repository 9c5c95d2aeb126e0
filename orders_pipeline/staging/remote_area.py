"""The staging area on any storage that fsspec can open, such as S3."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from orders_pipeline.base.settings import SettingsError
from orders_pipeline.staging.area import TRY, new_try

SCRATCH = ".scratch-"
# No step runs this long. Older folders were left behind by killed processes.
SCRATCH_LIVES_SECONDS = 86_400
INSTALL = dict.fromkeys(("s3", "s3a"), "pip install 'orders-pipeline[s3]'")


class StagingUnavailable(ConnectionError):
    """The staging area does not answer or refuses a request; a retry may help."""


class StagingUnusable(SettingsError):
    """The staging area cannot be opened; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class RemoteArea:
    """An object store such as S3: files appear atomically, cannot be renamed, and there are no folders.

    Each attempt to parse a file sends its batches under its own name. The file `batches`, written last, names
    the current attempt.

    Args:
        scratch: local folder for files in transit.
    """

    url: str = field(repr=False)
    scratch: Path

    def put(self, file: Path, name: str) -> None:
        with self._answering():
            self._files.put_file(str(file), self._path(name))

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        with scratch_folder(self.scratch) as folder:
            path = folder / Path(name).name
            self._get(name, path)
            yield path

    def has(self, name: str) -> bool:
        folder, _, file = name.rpartition("/")
        return file in self._names(folder)

    @contextmanager
    def workplace(self, folder: str) -> Iterator[Path]:  # noqa: ARG002 the same for every folder
        with scratch_folder(self.scratch) as made:
            yield made / new_try()

    def send(self, made: Path, folder: str) -> None:
        batches = sorted(made.glob("batch-*.parquet"))
        with self._answering():
            self._files.put(
                [str(file) for file in batches],
                [self._path(f"{folder}/{made.name}/{file.name}") for file in batches],
            )

    def switch(self, made: Path, folder: str) -> None:
        with self._answering():
            self._files.pipe_file(self._path(f"{folder}/batches"), made.name.encode())

    def batch_files(self, folder: str) -> set[str]:
        try:
            return self._names(f"{folder}/{self._current(folder)}")
        except FileNotFoundError:
            return set()

    @contextmanager
    def local_batches(self, folder: str, files: Iterable[str]) -> Iterator[Path]:
        current = self._current(folder)
        with scratch_folder(self.scratch) as local:
            for file in files:
                self._get(f"{folder}/{current}/{file}", local / file)
            yield local

    def clear_tries(self, folder: str) -> None:
        with suppress(FileNotFoundError):
            used = self._current(folder)
            for name in self._names(folder):
                if name.startswith(TRY) and name != used:
                    self.remove(f"{folder}/{name}")

    def remove_batches(self, folder: str) -> None:
        # Remove the name first, so that partly removed batches are not mistaken for complete ones.
        self.remove(f"{folder}/batches")
        for name in self._names(folder):
            if name.startswith(TRY):
                self.remove(f"{folder}/{name}")

    def remove(self, folder: str) -> None:
        with self._answering(), suppress(FileNotFoundError):
            self._files.rm(self._path(folder), recursive=True)

    def _opened(self) -> tuple[Any, str]:
        # fsspec caches connections for each process; kept here, they would break after a fork.
        import fsspec  # noqa: PLC0415 not needed for a local folder

        protocol = self.url.partition(":")[0]
        try:
            files, root = fsspec.url_to_fs(self.url)
        except ImportError as missing:
            hint = INSTALL.get(protocol, str(missing))
            raise StagingUnusable(
                f"ORDERS_STAGING_URL: {protocol}:// needs another package: {hint}"
            ) from None
        except ValueError as unknown:
            raise StagingUnusable(f"ORDERS_STAGING_URL: {unknown}") from None
        return files, root.rstrip("/")

    @property
    def _files(self) -> Any:
        return self._opened()[0]

    def _path(self, name: str) -> str:
        return f"{self._opened()[1]}/{name}"

    def _current(self, folder: str) -> str:
        with self._answering():
            return str(self._files.cat_file(self._path(f"{folder}/batches")).decode())

    def _get(self, name: str, target: Path) -> None:
        with self._answering():
            self._files.get_file(self._path(name), str(target))

    def _names(self, folder: str) -> set[str]:
        with self._answering(), suppress(FileNotFoundError):
            # Other machines write here, too, so a cached listing may be out of date.
            self._files.invalidate_cache()
            return {path.rstrip("/").rpartition("/")[2] for path in self._files.ls(self._path(folder), False)}
        return set()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, StagingUnusable):
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise StagingUnavailable(f"the staging area cannot be used: {reason}") from error


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yields a new local folder and removes it at the end; also removes old ones of killed processes."""
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f"{SCRATCH}*"):
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < time.time() - SCRATCH_LIVES_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(prefix=SCRATCH, dir=parent, ignore_cleanup_errors=True) as name:
        yield Path(name)
