"""Files with secrets, which only their owner can read: each is complete, or as it was before.

A file is written under another name, synced and renamed. A process that is killed leaves no part of it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SHORTEST = 16
log = logging.getLogger(__name__)


def kept_secret(file: Path, draw: Callable[[], str]) -> str:
    """The secret in a file, which is generated if the file is missing.

    A file with less than `SHORTEST` characters is what a killed process left, and gets a new secret, too.
    """
    file.parent.mkdir(mode=0o700, exist_ok=True)
    with only_one_in(file.parent):
        kept = file.read_text().strip() if file.exists() else ""
        if len(kept) >= SHORTEST:
            _close_to_others(file)
            return kept
        if file.exists():
            log.error(
                "%s was incomplete and now has a new secret. `orders restart` gives it to all programs.",
                file,
            )
        write_private(file, drawn := draw())
        return drawn


def write_private(file: Path, text: str) -> None:
    """Replaces a file at once. Use `only_one_in` if several processes may write it."""
    aside = file.with_name(f"{file.name}.new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    aside.replace(file)
    with _opened(file.parent) as folder:
        os.fsync(folder)


def _close_to_others(file: Path) -> None:
    if file.stat().st_mode & 0o077:
        file.chmod(0o600)


def is_same_secret(shown: str, expected: str) -> bool:
    """Compares in constant time. Nothing equals a secret that is empty or too short."""
    return len(expected) >= SHORTEST and secrets.compare_digest(shown.encode(), expected.encode())


@contextmanager
def only_one_in(folder: Path) -> Iterator[None]:
    """Waits until no other process works on the secrets of this folder."""
    with _opened(folder) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
