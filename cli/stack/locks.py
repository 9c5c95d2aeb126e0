"""Who starts, and who still needs, the background processes of a home.

Both are kernel locks on files: a process that dies, however it dies, lets go of them.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.stack.keeper import MEMBERS, START, try_lock


@contextmanager
def start_lock(run: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Held while processes are started, joined or stopped."""
    with (run / START).open("a") as file:
        if not try_lock(file):
            say("Waiting for another command that starts or stops processes of this home")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def membership(run: Path) -> Iterator[None]:
    """Held by a command as long as it needs the processes; any number of commands may hold it."""
    with (run / MEMBERS).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def has_members(run: Path) -> bool:
    """Whether any command needs the processes; asked under the start lock."""
    with (run / MEMBERS).open("a") as file:
        return not try_lock(file)
