"""How a process asks the launcher of its home to launch imports: JSON lines on a Unix socket.

The socket is in the home's private folder `run`. Other users cannot reach it, and the launcher answers
nobody but its own user and root.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Any

SOCKET_NAME = "launcher.sock"
ANSWERS_WITHIN_SECONDS = 60.0
LONGEST_LINE = 4 * 1024 * 1024
# Process, user and group, of <sys/socket.h>.
CREDENTIALS = Struct("iII")


class RunFailed(RuntimeError):
    """A run failed; the message contains the errors of its steps."""


class LauncherAbsentError(RuntimeError):
    """No launcher runs, or it did not answer."""


@dataclass(frozen=True, slots=True)
class RunSeen:
    """The newest run of an import.

    Attributes:
        status: Dagster's status of the run, in upper case; empty if there is no run.
        causes: the errors of a run that failed.
    """

    status: str = ""
    run_id: str = ""
    causes: Sequence[str] = ()

    @property
    def has_ended_without_success(self) -> bool:
        """Whether the run failed or was canceled."""
        return self.status in ("FAILURE", "CANCELED")


@dataclass(frozen=True, slots=True)
class LaunchSocket:
    """A client of a home's launcher.

    Args:
        folder: the home's folder `run`.
    """

    folder: Path

    def is_there(self) -> bool:
        """Whether a launcher answers."""
        try:
            return bool(self._ask({"ask": "hello"}))
        except LauncherAbsentError:
            return False

    def launch(self, keys: Sequence[str]) -> None:
        """Requests runs of all imports that need one; these imports come first.

        Raises:
            LauncherAbsentError: no launcher answers. A sensor launches them at its next tick.
        """
        self._ask({"ask": "launch", "keys": list(keys)})

    def wake(self, keys: Sequence[str]) -> None:
        """Requests the same, without waiting for the runs.

        Raises:
            LauncherAbsentError: no launcher answers.
        """
        self._ask({"ask": "wake", "keys": list(keys)})

    def run_of(self, key: str) -> RunSeen:
        """The newest run of an import.

        Raises:
            LauncherAbsentError: no launcher answers.
        """
        return RunSeen(**self._ask({"ask": "run", "key": key}))

    def cancel(self, key: str) -> bool:
        """Cancels the run of an import; returns whether there was one to cancel.

        Raises:
            LauncherAbsentError: no launcher answers.
        """
        return bool(self._ask({"ask": "cancel", "key": key})["canceled"])

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        try:
            with connected(self.folder) as connection:
                connection.sendall(json.dumps(question).encode() + b"\n")
                with connection.makefile("rb") as answers:
                    answer: dict[str, Any] = json.loads(answers.readline(LONGEST_LINE))
        except (OSError, ValueError) as error:
            raise LauncherAbsentError(f"the launcher does not answer: {error}") from None
        if message := answer.pop("error", None):
            raise LauncherAbsentError(str(message))
        return answer


@contextmanager
def connected(folder: Path) -> Iterator[socket.socket]:
    """Yields a connection to the launcher. The path of the folder may have any length."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWERS_WITHIN_SECONDS)
            connection.connect(f"/proc/self/fd/{opened}/{SOCKET_NAME}")
            yield connection
    finally:
        os.close(opened)


@contextmanager
def listening(folder: Path) -> Iterator[socket.socket]:
    """Yields the launcher's socket, which only its own user may open."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            with suppress(FileNotFoundError):
                os.unlink(SOCKET_NAME, dir_fd=opened)
            server.bind(f"/proc/self/fd/{opened}/{SOCKET_NAME}")
            os.chmod(SOCKET_NAME, 0o600, dir_fd=opened)
            server.listen()
            try:
                yield server
            finally:
                # Closing alone would not end a thread that waits for a connection.
                server.shutdown(socket.SHUT_RDWR)
    finally:
        os.close(opened)


def is_own_user(connection: socket.socket) -> bool:
    """Whether the process at the other end belongs to this user or to root."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    _, user, _ = CREDENTIALS.unpack(credentials)
    return user in (os.geteuid(), 0)
