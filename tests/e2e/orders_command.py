"""The command `orders`, with settings from the environment, in a separate process or in this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cli.main import app
from cli.stack.layout import HOME_MARK
from cli.stack.programs.programs import variables
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from tests.warm_processes import warm_orders

# Started as by a person; `warm_orders` is the same in less time.
ORDERS = [sys.executable, "-c", "from cli.quick_process import orders; orders()"]


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The only JSON document on its standard output."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        """The error that it printed as JSON."""
        assert self.code == 1
        assert list(self.document) == ["error"]
        error: dict[str, str] = self.document["error"]
        assert list(error) == ["code", "message", "hint"]
        return error


def environment(settings: Settings) -> dict[str, str]:
    """Variables that give a command these settings. They do not mark it as a background process."""
    return {name: value for name, value in variables(settings).items() if name != HOME_MARK}


def start(settings: Settings, *arguments: str | Path) -> subprocess.Popen[str]:
    """Starts the command."""
    return subprocess.Popen(
        [warm_orders(), *map(str, arguments)],
        cwd=PROJECT_ROOT,
        env=os.environ | environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> Done:
    """The result of a running command, once it has ended."""
    out, err = process.communicate()
    return Done(process.returncode, out, err)


def orders_process(settings: Settings, *arguments: str | Path) -> Done:
    """Runs the command in a separate process until it ends."""
    return end(start(settings, *arguments))


def orders(settings: Settings, *arguments: str | Path) -> Done:
    """Runs the command in this process, which is many times as fast. Not for commands that start runs."""
    result = CliRunner(env=environment(settings)).invoke(app, [str(argument) for argument in arguments])
    return Done(result.exit_code, result.stdout, result.stderr)
