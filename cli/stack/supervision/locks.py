"""The locks of a home: one for starting and stopping processes, one for the commands that need them.

Both are kernel locks on files, which the kernel releases whenever a process dies.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.stack.keeper import MEMBERS, START, try_lock


@contextmanager
def start_lock(run: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Holds the start lock, which is needed to start, join or stop processes."""
    with (run / START).open("a") as file:
        if not try_lock(file):
            say("Waiting for another command that is starting or stopping processes of this home")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def membership(run: Path) -> Iterator[None]:
    """Holds the membership lock while a command needs the processes; many commands can hold it."""
    with (run / MEMBERS).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def has_members(run: Path) -> bool:
    """Whether any command needs the processes. The caller holds the start lock."""
    with (run / MEMBERS).open("a") as file:
        return not try_lock(file)
