"""A background program as data, and the file with the programs that the supervisor runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from orders_pipeline.base.documents import from_json
from orders_pipeline.base.files.secret_files import write_private

# The command that runs the module in the next argument like `python -m`, but faster.
RUN_MODULE = (sys.executable, "-m", "cli.quick_process")


@dataclass(frozen=True, slots=True)
class Port:
    """A port of 127.0.0.1 that a program uses, and the setting for it."""

    number: int
    setting: str


@dataclass(frozen=True, slots=True)
class Program:
    """How to start and stop a program.

    Attributes:
        stop_seconds: time limit in seconds for ending after SIGTERM.
        stop_group: whether its children also get the signal.
        death_signal: the signal that it gets when its supervisor dies.
        socket: name of the Unix socket in `run` on which it listens, or empty.
    """

    name: str
    command: list[str]
    directory: str
    environment: dict[str, str] = field(default_factory=dict)
    priority: int = 50
    stop_seconds: int = 20
    stop_group: bool = False
    death_signal: str = "SIGTERM"
    port: Port | None = None
    socket: str = ""


def save_programs(file: Path, programs: Iterable[Program]) -> None:
    """Writes the programs to a private file, because their environment may contain passwords.

    The file is replaced atomically, because starting programs read it.
    """
    write_private(file, json.dumps({program.name: asdict(program) for program in programs}, indent=1))


def load_programs(file: Path) -> dict[str, Program]:
    """Reads the programs from the file, by name.

    Raises:
        NewerDocumentError: a newer version wrote the file.
    """
    found = json.loads(file.read_text())
    return {name: from_json(Program, values, str(file)) for name, values in found.items()}
