"""Finds and ends processes of a home whose supervisor is gone.

The kernel sends a signal to each program when its supervisor dies. Programs that ignore the signal, and
children of programs that ended, are found by an environment variable that all of them inherit.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cli.stack.layout import HOME_MARK
from cli.stack.supervision.supervisor import is_alive

PATIENCE_SECONDS = 5
POLL_SECONDS = 0.05


def find_leftovers(home: Path) -> list[int]:
    """Returns the ids of the processes with this home's environment variable."""
    mark = f"{HOME_MARK}={home}".encode()
    folders = [folder for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [int(folder.name) for folder in folders if mark in _environment(folder)]


def end_leftovers(home: Path, say: Callable[[str], None]) -> None:
    """Ends processes that a dead supervisor left behind: first SIGTERM, then SIGKILL."""
    if pids := find_leftovers(home):
        say(f"Ending {len(pids)} processes whose supervisor is gone")
    for number in (signal.SIGTERM, signal.SIGKILL):
        pids = find_leftovers(home)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        _wait(pids)


def _wait(pids: list[int]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(is_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _environment(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except (PermissionError, FileNotFoundError, ProcessLookupError):
        return []
