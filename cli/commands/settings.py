"""`orders config`: the settings in effect."""

from __future__ import annotations

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from cli.output import JsonOption, command, emit, page
from orders_pipeline.base.settings import load_settings
from orders_pipeline.base.shown_settings import shown_settings


@command
def config(as_json: JsonOption = False) -> None:
    """Show every setting in effect. Passwords, keys and URLs that can contain them are hidden."""
    shown = shown_settings(load_settings())
    if as_json:
        emit(shown)
        return
    table = Table("setting", "value", "", box=SIMPLE, pad_edge=False)
    for one in shown:
        changed = "" if one["is_default"] else "[yellow]set[/]"
        table.add_row(one["name"], escape(str(one["value"])), changed)
    page.print(table)
    page.print("docs/configuration.md explains each setting.")


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("config")(config)
