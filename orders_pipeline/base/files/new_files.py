"""New files in folders into which others may write, too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

READABLE, PRIVATE = 0o666, 0o600


def new_file(path: Path, mode: int = READABLE) -> BinaryIO:
    """Opens a new file. An existing file of that name is removed, so that no link is followed.

    Args:
        mode: its permissions, without those that the umask takes away.
    """
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")
