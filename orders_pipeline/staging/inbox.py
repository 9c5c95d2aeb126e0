"""The inbox: a folder for order files to import. Each file then moves to `done` or `quarantine`.

Others write to the inbox, so nothing in it is trusted: links are never followed, and files are kept under
names that can be printed.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.staging.file_names import NOTE, numbered, safe_name

STABLE_SECONDS = 5.0
IGNORED_SUFFIXES = (".part", ".tmp", ".crdownload", ".filepart")
DONE, QUARANTINE = "done", "quarantine"
LONGEST_NOTE = 8192
FEW = 10


class InboxUnusable(RuntimeError):
    """The inbox or one of its folders cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """The inbox folder with its subfolders `done` and `quarantine`.

    A file is complete when it has not changed for `stable_seconds`. Folders, hidden files and files with the
    suffix of an unfinished transfer are ignored. Hard links are files like any other.
    """

    folder: Path
    stable_seconds: float = STABLE_SECONDS

    def waiting(self) -> list[tuple[int, str]]:
        """The complete files: when each was dropped (ns since 1970), and its name.

        Links, pipes and devices, which cannot be imported, are among them.
        """
        if not self.folder.is_dir():
            return []
        with os.scandir(self.folder) as entries:
            names = [entry.name for entry in entries if not _is_unfinished(entry.name)]
        latest = self._now_ns() - int(self.stable_seconds * 1e9)
        return [
            (at, name)
            for name in names
            if (at := _dropped_at(self.folder / name)) is not None and at <= latest
        ]

    def dropped_at(self, name: str) -> int | None:
        """When a file was dropped (ns since 1970), if there is such a regular file and it is not empty."""
        if _is_unfinished(name):
            return None
        try:
            found = (self.folder / name).lstat()
        except FileNotFoundError:
            return None
        return found.st_ctime_ns if stat.S_ISREG(found.st_mode) and found.st_size else None

    @contextmanager
    def claimed(self, path: Path) -> Iterator[bool]:
        """Yields whether the file was free. If so, nothing else works on it inside the context."""
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            # The file is gone or cannot be read. The caller gets the same error when it opens the file.
            yield True
            return
        try:
            yield _try_lock(file)
        finally:
            os.close(file)

    def _now_ns(self) -> int:
        """The present by the clock that stamps the files: that of the server of a network folder."""
        try:
            done = os.open(self.folder / DONE, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            return time.time_ns()
        try:
            os.utime(done)
            return os.fstat(done).st_ctime_ns
        except OSError:
            return time.time_ns()
        finally:
            os.close(done)

    def require_usable(self) -> None:
        """Checks that files can be moved to `done` and `quarantine`.

        Raises:
            InboxUnusable: a folder is not writable, or is a link to another place.
        """
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise InboxUnusable(f"The inbox {self.folder} is not writable. Change its permissions.")
        for name in (DONE, QUARANTINE):
            with self._opened(name):
                pass

    def keep(self, path: Path) -> Path:
        """Moves a staged file to `done`."""
        with self._opened(DONE) as folder:
            return self.folder / DONE / _move(path, folder)

    def keep_retried(self, name: str) -> None:
        """Moves a file from `quarantine` to `done`, and removes its note."""
        with self._opened(QUARANTINE) as folder, suppress(FileNotFoundError):
            self.keep(self.folder / QUARANTINE / name)
            os.unlink(name + NOTE, dir_fd=folder)

    def quarantine(self, path: Path, refused: FileRefused) -> Path:
        """Moves a refused file to `quarantine`, with the reason in a text file next to it."""
        with self._opened(QUARANTINE) as folder:
            name = _move(path, folder)
            _write_note(folder, name, refused)
        return self.folder / QUARANTINE / name

    def quarantined(self) -> set[str]:
        """Names of the files in `quarantine`; the names of notes end with `NOTE`."""
        if not (self.folder / QUARANTINE).is_dir():
            return set()
        with self._opened(QUARANTINE) as folder:
            return {entry.name for entry in _files_in(folder)}

    def reason_of(self, name: str) -> FileRefused:
        """The reason in the note on a file in `quarantine`."""
        with self._opened(QUARANTINE) as folder:
            lines = _read_note(folder, name).splitlines()
        code, message, hint = (*lines[:3], *[""] * 3)[:3]
        return FileRefused(
            code or "unknown", message or f"{name} is in quarantine without a note.", hint or "Try it again."
        )

    def renamed_safely(self, name: str) -> str:
        """Gives a file in `quarantine` a name that can be printed; returns the name."""
        if safe_name(name) == name:
            return name
        with self._opened(QUARANTINE) as folder:
            return _move(self.folder / QUARANTINE / name, folder)

    def remove_put_aside(self, before: float, *, dry: bool) -> int:
        """Removes files that were moved aside before a time (seconds since 1970); returns how many.

        With `dry`, only counts them. Never removes anything outside the inbox.
        """
        return sum(self._remove_from(name, before, dry=dry) for name in (DONE, QUARANTINE))

    def _remove_from(self, name: str, before: float, *, dry: bool) -> int:
        if not (self.folder / name).is_dir() or (self.folder / name).is_symlink():
            return 0
        with self._opened(name) as folder:
            # A move keeps the mtime of a file and sets its ctime.
            old = [one for one in _files_in(folder) if one.stat(follow_symlinks=False).st_ctime < before]
            for entry in [] if dry else old:
                with suppress(FileNotFoundError):
                    os.unlink(entry.name, dir_fd=folder)
        return len(old)

    @contextmanager
    def _opened(self, name: str) -> Iterator[int]:
        """Yields a descriptor of `done` or `quarantine`, so that no link can replace the folder meanwhile."""
        path = self.folder / name
        try:
            with suppress(FileExistsError):
                path.mkdir()
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            why = "is a symbolic link" if path.is_symlink() else f"cannot be used: {error.strerror}"
            raise InboxUnusable(f"{path} {why}. No file is imported until it is a folder.") from None
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _dropped_at(path: Path) -> int | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    # Each write sets the ctime. The mtime can be set to any time, also to one in the future.
    return None if stat.S_ISDIR(found.st_mode) else found.st_ctime_ns


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A network folder without locks.
        return True
    return True


def _is_unfinished(name: str) -> bool:
    return name.startswith(".") or name.lower().endswith(IGNORED_SUFFIXES)


def _files_in(folder: int) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not entry.is_dir(follow_symlinks=False)]


def _move(path: Path, folder: int) -> str:
    """Moves a file into the folder with this descriptor, under a free and safe name; returns the name."""
    name = safe_name(path.name)
    numbers = chain(map(str, range(2, FEW)), (secrets.token_hex(4) for _ in count()))
    names = chain([name], (numbered(name, number) for number in numbers))
    free = next(one for one in names if not (_exists(folder, one) or _exists(folder, one + NOTE)))
    os.rename(path, free, dst_dir_fd=folder)
    return free


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _write_note(folder: int, name: str, refused: FileRefused) -> None:
    descriptor = os.open(name + NOTE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
    with open(descriptor, "w", encoding="utf-8") as note:
        note.write(f"{refused.code}\n{refused.message}\n{refused.hint}\n")


def _read_note(folder: int, name: str) -> str:
    try:
        descriptor = os.open(name + NOTE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return ""
    with open(descriptor, encoding="utf-8", errors="replace") as note:
        return note.read(LONGEST_NOTE) if stat.S_ISREG(os.fstat(descriptor).st_mode) else ""
