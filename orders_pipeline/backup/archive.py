"""A backup as one compressed file, created atomically."""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from orders_pipeline.backup.errors import BackupError
from orders_pipeline.store.leftovers import SCRATCH, abandoned_copies, in_work, remove_all

# Higher levels take several times as long and save only a few per cent.
COMPRESSION = 1


@contextmanager
def scratch_beside(target: Path) -> Iterator[Path]:
    """A private temporary folder on the same file system as a future file.

    Folders that killed processes left there are removed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_all(abandoned_copies(target.parent))
    with TemporaryDirectory(prefix=SCRATCH, dir=target.parent) as folder, in_work(Path(folder)):
        yield Path(folder)


def pack(folder: Path, target: Path) -> int:
    """Packs a folder's content into a file that only its owner can read. Returns its size in bytes."""
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
    """Unpacks a backup into a folder.

    Raises:
        BackupError: the file is missing, truncated or no backup.
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
