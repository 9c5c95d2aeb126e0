"""The Dagster code server on its Unix socket in `run`: `python -m cli.stack.code_server ARGUMENT...`.

Its gRPC API requires no login and calls any function for every client. So it listens only on a socket in a
private folder, and on no port.
"""

from __future__ import annotations

import fcntl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from cli.dagster_server import main as serve
from cli.stack.layout import CODE_SOCKET, in_own_folder

LOCK_NAME = "code-server.lock"
PATIENCE_SECONDS, POLL_SECONDS = 30.0, 0.1


class SocketTakenError(Exception):
    """Another code server of this home is running."""


@contextmanager
def alone(lock: Path, seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Holds the lock that a code server needs to bind, because gRPC would remove a running server's socket.

    The lock belongs to the process and not to the open file, so runs that are forked from the server do not
    hold it.

    Raises:
        SocketTakenError: another process held the lock for this number of seconds.
    """
    deadline = time.monotonic() + seconds
    with lock.open("a") as file:
        while not _taken(file):
            if time.monotonic() > deadline:
                raise SocketTakenError(f"another code server of this home holds {lock.name}")
            time.sleep(POLL_SECONDS)
        yield


def _taken(file: TextIO) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def main() -> None:
    """Serves until SIGTERM."""
    sys.argv[1:1] = ["dagster", "api", "grpc", "--socket", in_own_folder(CODE_SOCKET)]
    try:
        with alone(Path.cwd() / LOCK_NAME):
            serve()
    except SocketTakenError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
