"""`orders config`: the settings in effect."""

from __future__ import annotations

from typing import Any

import typer
from pydantic.fields import FieldInfo
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from cli.output import JsonOption, command, emit, page
from orders_pipeline.base.settings import Settings, load_settings

HIDDEN = "(hidden)"


@command
def config(as_json: JsonOption = False) -> None:
    """Show every setting in effect. Passwords, keys and URLs that can contain them are hidden."""
    settings = load_settings()
    shown = [_setting(settings, name, info) for name, info in Settings.model_fields.items()]
    if as_json:
        emit(shown)
        return
    table = Table("setting", "value", "", box=SIMPLE, pad_edge=False)
    for one in shown:
        changed = "" if one["is_default"] else "[yellow]set[/]"
        table.add_row(one["name"], escape(str(one["value"])), changed)
    page.print(table)
    page.print("docs/configuration.md explains each setting.")


def _setting(settings: Settings, name: str, info: FieldInfo) -> dict[str, Any]:
    value, default = getattr(settings, name), info.get_default(call_default_factory=True)
    secret = not info.repr and bool(value)
    return {
        "name": f"ORDERS_{name.upper()}",
        "value": HIDDEN if secret else _plain(value),
        "is_default": value == default,
    }


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("config")(config)
