"""A backup as one compressed file, which appears whole or not at all."""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from orders_pipeline.backup.errors import BackupError

# Text compresses well at any level; higher ones take several times as long for a few per cent.
COMPRESSION = 1
SCRATCH = ".orders-backup-"


@contextmanager
def scratch_beside(target: Path) -> Iterator[Path]:
    """A private folder on the file system of a file that is to be made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=SCRATCH, dir=target.parent) as folder:
        yield Path(folder)


def pack(folder: Path, target: Path) -> int:
    """Makes a folder's content a file that only its owner reads; its size in bytes."""
    unfinished = folder.with_name(f"{folder.name}.tar.gz")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=COMPRESSION) as tar:
                for path in sorted(folder.iterdir()):
                    tar.add(path, path.name)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target.stat().st_size


def unpack(archive: Path, folder: Path) -> None:
    """Puts a backup's content into a folder.

    Raises:
        BackupError: the file is missing, cut short or no backup.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(folder, filter="data")
    except FileNotFoundError:
        raise BackupError("backup_missing", f"{archive} does not exist.") from None
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise BackupError(
            "backup_unreadable", f"{archive} cannot be read as a backup: {error}.", "Take another backup."
        ) from None
