"""The keeper: stops processes that were started for a command, if all commands that use them were killed.

A command that finishes stops them itself. The keeper imports only the standard library and runs without site
packages.
"""

import fcntl
import os
import signal
import time
from pathlib import Path
from typing import TextIO

MEMBERS, START = "members.lock", "start.lock"
PERIOD_SECONDS = 1.0


def main() -> None:
    """Watches the locks in the supervisor's working folder and then ends the supervisor, its parent."""
    run = Path.cwd()
    with (run / START).open("a") as start, (run / MEMBERS).open("a") as members:
        while not nobody_is_left(start, members):
            time.sleep(PERIOD_SECONDS)
        os.kill(os.getppid(), signal.SIGTERM)
        # Hold the start lock until the supervisor ends this process, so that no command starts or joins.
        while True:
            signal.pause()


def nobody_is_left(start: TextIO, members: TextIO) -> bool:
    """Whether no command is a member; if so, keeps the start lock, so that none can join."""
    if not try_lock(start):
        return False
    if try_lock(members):
        return True
    fcntl.flock(start, fcntl.LOCK_UN)
    return False


def try_lock(file: TextIO) -> bool:
    """Takes the exclusive lock of a file, if it is free; returns whether it did."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    main()
