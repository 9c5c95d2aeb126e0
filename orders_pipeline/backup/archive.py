"""A backup as one compressed file, created atomically."""

from __future__ import annotations

import errno
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
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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
        _name(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target.stat().st_size


def _name(unfinished: Path, target: Path) -> None:
    """Gives a file its name, unless another process has taken the name in the meantime."""
    try:
        target.hardlink_to(unfinished)
    except FileExistsError:
        raise file_exists(target) from None
    except OSError:
        # A file system without hard links.
        unfinished.rename(target)


def file_exists(target: Path) -> BackupError:
    """Returns the error of a backup whose file exists, such as one of another store in the same folder."""
    return BackupError("file_exists", f"{target} exists already.", "Name another file or folder.")


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a backup into a folder.

    Raises:
        BackupError: the file is missing, truncated or no backup, or the disk has no room for its content.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(folder, filter="data")
    except FileNotFoundError:
        raise BackupError("backup_missing", f"{archive} does not exist.") from None
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise not_restored(folder, str(error.strerror)) from error
        raise BackupError(
            "backup_unreadable", f"{archive} cannot be read as a backup: {error}.", "Take another backup."
        ) from None


def not_restored(folder: Path, why: str) -> BackupError:
    """Returns the error of a restore whose files cannot be written."""
    return BackupError(
        "restore_not_written",
        f"The backup cannot be restored to {folder.parent}: {why}.",
        "Check the permissions and the free space on the disk. The order store is unchanged.",
    )
