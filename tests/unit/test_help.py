"""`orders --help` as somebody reads it who has never seen the command."""

from __future__ import annotations

import pytest
import typer

from cli.main import PANELS, app

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_stands_in_a_panel_and_says_what_it_does(name: str) -> None:
    assert COMMANDS[name].rich_help_panel in PANELS
    assert COMMANDS[name].get_short_help_str(limit=200).endswith(".")


def test_panels_come_in_the_order_of_use() -> None:
    shown = [command.rich_help_panel for command in COMMANDS.values()]
    assert list(dict.fromkeys(shown)) == list(PANELS)
