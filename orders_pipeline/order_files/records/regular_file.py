"""Opens order files, and nothing else: no folders, pipes, sockets or devices."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from orders_pipeline.base.refusals import FileRefused

KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def open_regular_file(path: Path, *, follow_links: bool = True) -> BinaryIO:
    """Opens a file for reading.

    Args:
        follow_links: whether the path may be a symbolic link; must be false if others may write to the
            folder.

    Raises:
        FileRefused: there is no such file, it is not a regular file, or it cannot be read.
    """
    # Without O_NONBLOCK, opening a pipe that replaced the file after the check would wait for a writer.
    more = os.O_NONBLOCK | (0 if follow_links else os.O_NOFOLLOW)
    try:
        # Opening a pipe or a device has side effects, so the kind is checked before opening, and again
        # afterwards.
        _require_regular(path, path.stat(follow_symlinks=follow_links))
        file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | more))  # noqa: SIM115
        _require_regular(path, os.fstat(file.fileno()))
    except FileNotFoundError:
        message = f"{path} does not exist. An order file was expected."
        raise FileRefused("file_missing", message, "Check the path.") from None
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise FileRefused("file_unreadable", message, "Check its permissions.") from None
    return file


def _require_regular(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        what = KINDS.get(stat.S_IFMT(found.st_mode), "a special file")
        raise FileRefused("not_a_file", f"{path} is {what}, not an order file.", "Name the file itself.")
