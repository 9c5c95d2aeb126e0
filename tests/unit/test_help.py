"""`orders --help` for a reader who has never seen the command.

`python -m tests.unit.test_help` prints `cli/summaries.json`.
"""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from importlib.metadata import version

import pytest
import typer
from typer.testing import CliRunner

import cli.commands
from cli.command_group import PANELS, SUMMARIES, commands_of
from cli.main import app
from cli.stack.programs.code_version import code_version

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def summaries() -> str:
    """The summary of each command on the help page, as JSON."""
    said = {name: command.get_short_help_str(limit=200) for name, command in COMMANDS.items()}
    return json.dumps(said, indent=1) + "\n"


def test_the_help_page_says_what_the_commands_say() -> None:
    assert SUMMARIES.read_text() == summaries(), "run `make format`"


@pytest.mark.parametrize("arguments", ["--help", "show --help", "files --help", "status --help"])
def test_a_help_page_loads_only_what_it_shows(arguments: str) -> None:
    heavy = {"alembic", "celery", "dagster", "duckdb", "httpx", "polars", "redis"}
    code = f"""
import sys
from cli.main import app
try:
    app({arguments.split()!r})
except SystemExit:
    print(*{heavy!r}.intersection(sys.modules), file=sys.stderr)
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: " in shown.stdout
    assert shown.stderr.split() == []


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_in_a_panel_and_says_what_it_does(name: str) -> None:
    assert COMMANDS[name].rich_help_panel in PANELS
    assert COMMANDS[name].get_short_help_str(limit=200).endswith(".")


def test_every_command_that_a_module_registers_is_there() -> None:
    modules = [found.name for found in pkgutil.iter_modules(cli.commands.__path__)]
    assert {name for module in modules for name in commands_of(module)} == set(COMMANDS)


def test_the_version_names_the_project_dagster_and_the_code() -> None:
    shown = CliRunner().invoke(app, ["--version"])
    versions = dict(line.split(" ") for line in shown.stdout.splitlines())
    assert (shown.exit_code, list(versions)) == (0, ["orders-pipeline", "dagster", "code"])
    assert (versions["dagster"], versions["code"]) == (version("dagster"), code_version())


def test_panels_come_in_the_order_of_use() -> None:
    shown = [command.rich_help_panel for command in COMMANDS.values()]
    assert list(dict.fromkeys(shown)) == list(PANELS)


if __name__ == "__main__":
    sys.stdout.write(summaries())
