"""The inbox: a folder for order files to import. Each file then moves to `done` or `quarantine`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orders_pipeline.base.refusals import FileRefused

STABLE_SECONDS = 5.0
IGNORED_SUFFIXES = (".part", ".tmp", ".crdownload", ".filepart")


@dataclass(frozen=True, slots=True)
class Inbox:
    """The inbox folder with its subfolders `done` and `quarantine`.

    A file is complete when it has not changed for `stable_seconds`. Hidden files and files with the suffix of
    an unfinished transfer are ignored.
    """

    folder: Path
    stable_seconds: float = STABLE_SECONDS

    def complete_files(self) -> Iterator[Path]:
        """Yields complete files, sorted by name."""
        if not self.folder.is_dir():
            return
        for path in sorted(self.folder.iterdir()):
            if path.is_file() and not _is_unfinished(path.name) and self._is_stable(path):
                yield path

    def _is_stable(self, path: Path) -> bool:
        found = path.stat()
        return time.time() - max(found.st_mtime, found.st_ctime) >= self.stable_seconds

    def keep(self, path: Path) -> Path:
        """Moves a staged file to `done`."""
        return _move(path, self.folder / "done")

    def put_aside_before(self, moment: float) -> Iterator[Path]:
        """Yields files that were moved aside before a time (seconds since 1970)."""
        for folder in (self.folder / "done", self.folder / "quarantine"):
            for path in sorted(folder.glob("*")):
                # A move keeps the mtime of a file and sets its ctime.
                if path.is_file() and path.lstat().st_ctime < moment:
                    yield path

    def quarantine(self, path: Path, refused: FileRefused) -> Path:
        """Moves a refused file to `quarantine`, with the reason in a text file next to it."""
        target = _move(path, self.folder / "quarantine")
        reason = f"{refused.code}\n{refused.message}\n{refused.hint}\n"
        target.with_name(f"{target.name}.reason.txt").write_text(reason, encoding="utf-8")
        return target


def _is_unfinished(name: str) -> bool:
    return name.startswith(".") or name.lower().endswith(IGNORED_SUFFIXES)


def _move(path: Path, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    target = folder / path.name
    number = 1
    while target.exists():
        number += 1
        target = folder / f"{path.stem}-{number}{path.suffix}"
    os.replace(path, target)
    return target
