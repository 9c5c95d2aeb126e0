"""Runs beside processes that were started for the duration of a command; ends them when no command is left.

The commands end them themselves when they finish; this is for those that were killed. It imports the standard
library only and runs without site packages.
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
    """Watch the locks in the supervisor's working folder; end the supervisor, this process's parent."""
    run = Path.cwd()
    with (run / START).open("a") as start, (run / MEMBERS).open("a") as members:
        while not nobody_is_left(start, members):
            time.sleep(PERIOD_SECONDS)
        os.kill(os.getppid(), signal.SIGTERM)
        # Nobody can start or join before the supervisor has ended this process, too.
        while True:
            signal.pause()


def nobody_is_left(start: TextIO, members: TextIO) -> bool:
    """Whether no command holds membership; the start lock is then held, so that none can join."""
    if not try_lock(start):
        return False
    if try_lock(members):
        return True
    fcntl.flock(start, fcntl.LOCK_UN)
    return False


def try_lock(file: TextIO) -> bool:
    """Take the exclusive lock of a file if it is free."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    main()
