"""Finds the commands that need the processes of a home, for messages that list them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cli.stack.keeper import MEMBERS
from cli.stack.layout import Layout
from cli.stack.supervision.supervisor import Condition, Supervisor
from orders_pipeline.base.text.printable import printable_line

LONGEST_COMMAND = 80


def named_members(layout: Layout) -> str:
    """Returns the commands that need the processes, as `orders import a.csv (process 123)`.

    Commands of other users are visible only to root.
    """
    of_home = set(_programs(layout))
    found = [pid for pid in _openers(layout.run / MEMBERS) if pid not in of_home]
    return ", ".join(f"{_command(pid)} (process {pid})" for pid in found) or "of another user"


def _programs(layout: Layout) -> Iterator[int]:
    """Yields the processes of the supervisor, because its keeper has the lock file open too."""
    supervisor = Supervisor(layout)
    if supervisor.condition() is Condition.RUNNING:
        yield from (state.pid for state in supervisor.states().values() if state.pid)


def _openers(file: Path) -> Iterator[int]:
    looked_for = file.stat()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(_is_same(open_file, looked_for) for open_file in (folder / "fd").iterdir()):
                yield int(folder.name)


def _is_same(file: Path, other: os.stat_result) -> bool:
    with suppress(OSError):
        return os.path.samestat(file.stat(), other)
    return False


def _command(pid: int) -> str:
    """Returns the command line, starting with `orders`."""
    line = b""
    with suppress(OSError):
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    words = os.fsdecode(line).strip("\0").split("\0")
    at = next((at for at, word in enumerate(words) if Path(word).name == "orders"), 0)
    return printable_line(" ".join([Path(words[at]).name, *words[at + 1 :]]))[:LONGEST_COMMAND]
