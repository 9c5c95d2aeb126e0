"""The keeper: stops processes that were started for a command, if all commands that use them were killed.

A command that finishes normally stops the processes itself. The keeper imports only the standard library and
runs without site packages.
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
    """Waits until no command is left, by the locks in the supervisor's working folder.

    Then ends the supervisor.
    """
    run = Path.cwd()
    with (run / START).open("a") as start, (run / MEMBERS).open("a") as members:
        while not nobody_is_left(start, members):
            time.sleep(PERIOD_SECONDS)
        os.kill(os.getppid(), signal.SIGTERM)
        # Hold the start lock until the supervisor ends this process, so that no command starts or joins.
        while True:
            signal.pause()


def nobody_is_left(start: TextIO, members: TextIO) -> bool:
    """Whether no command needs the processes; if so, keeps the start lock, so that no command can join."""
    if not try_lock(start):
        return False
    if try_lock(members):
        return True
    fcntl.flock(start, fcntl.LOCK_UN)
    return False


def try_lock(file: TextIO) -> bool:
    """Acquires the exclusive lock of a file if it is free; returns whether it was acquired."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    main()
