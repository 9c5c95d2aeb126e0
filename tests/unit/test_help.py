"""`orders --help` as somebody reads it who has never seen the command."""

from __future__ import annotations

import pkgutil
from importlib.metadata import version

import pytest
import typer
from typer.testing import CliRunner

import cli.commands
from cli.command_group import PANELS, commands_of
from cli.main import app
from cli.stack.code_version import code_version

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_stands_in_a_panel_and_says_what_it_does(name: str) -> None:
    assert COMMANDS[name].rich_help_panel in PANELS
    assert COMMANDS[name].get_short_help_str(limit=200).endswith(".")


def test_every_command_that_a_module_registers_is_there() -> None:
    modules = [found.name for found in pkgutil.iter_modules(cli.commands.__path__)]
    assert {name for module in modules for name in commands_of(module)} == set(COMMANDS)


def test_the_version_names_the_project_dagster_and_the_code() -> None:
    shown = CliRunner().invoke(app, ["--version"])
    told = dict(line.split(" ") for line in shown.stdout.splitlines())
    assert (shown.exit_code, list(told)) == (0, ["orders-pipeline", "dagster", "code"])
    assert (told["dagster"], told["code"]) == (version("dagster"), code_version())


def test_panels_come_in_the_order_of_use() -> None:
    shown = [command.rich_help_panel for command in COMMANDS.values()]
    assert list(dict.fromkeys(shown)) == list(PANELS)
