"""Files left by killed backups and restores: unfinished copies, and the stores that restores replaced."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import make_url

SCRATCH = ".orders-backup-"
RESTORING, REPLACED, MOMENT = "restoring", "replaced-", "%Y%m%dT%H%M%SZ"
# No backup and no restore takes longer.
ABANDONED_SECONDS = 86_400
# Linux stamps files with a clock that lags some milliseconds behind.
FILES_LAG_SECONDS = 0.1


@contextmanager
def in_work(copy: Path) -> Iterator[None]:
    """Locks an unfinished copy while this process works on it. A killed process leaves it unlocked."""
    descriptor = os.open(copy, os.O_RDONLY)
    try:
        # Some network file systems have no locks.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def was_killed(folder: Path, since: float) -> bool:
    """Whether the copy of a killed process lies in a folder that has changed since, in seconds since 1970."""
    earliest = since - FILES_LAG_SECONDS
    return any(
        path.stat().st_mtime >= earliest and not _is_in_work(path) for path in folder.glob(f"{SCRATCH}*")
    )


def abandoned_copies(folder: Path) -> list[Path]:
    """Unfinished copies of killed backups and restores in a folder."""
    return [path for path in folder.glob(f"{SCRATCH}*") if _is_abandoned(path)]


def abandoned_stores(url: str) -> list[Path]:
    """Unfinished SQLite stores of killed restores."""
    return [path for path in _beside(url, f"{RESTORING}*") if _is_abandoned(path)]


def replaced_stores(url: str, before: float) -> Iterator[Path]:
    """SQLite stores that a restore replaced before a time, in seconds since 1970."""
    for path in _beside(url, f"{REPLACED}*"):
        with suppress(ValueError):
            named = re.sub("(-wal|-shm)$", "", path.name.rpartition(REPLACED)[2])
            if datetime.strptime(named, MOMENT).replace(tzinfo=UTC).timestamp() < before:
                yield path


def remove_all(paths: Iterable[Path]) -> None:
    """Removes files and folders."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _beside(url: str, pattern: str) -> list[Path]:
    address = make_url(url)
    if address.get_backend_name() != "sqlite" or not address.database:
        return []
    store = Path(address.database)
    return sorted(store.parent.glob(f"{store.name}.{pattern}"))


def _is_in_work(copy: Path) -> bool:
    descriptor = os.open(copy, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_abandoned(path: Path) -> bool:
    with suppress(FileNotFoundError):
        return time.time() - path.lstat().st_mtime > ABANDONED_SECONDS
    return False
