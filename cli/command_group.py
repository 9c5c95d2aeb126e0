"""The group of all commands. Each command is loaded on demand, because loading all takes seconds.

The list of commands in `orders --help` loads no command: `summaries.json` has the first line of each
docstring, written by `make format`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from orders_pipeline.base.text.printable import printable

# For each panel of the help page: its commands, each with the module in `cli.commands` that registers it.
PANELS: Mapping[str, Mapping[str, str]] = {
    "Order files": {
        "stage": "importing",
        "import": "importing",
        "files": "order_files",
        "results": "exporting",
        "rejects": "rejects",
        "quarantine": "quarantine",
        "profile": "profiles",
    },
    "Orders and figures": {
        "list": "exporting",
        "export": "exporting",
        "show": "inspecting",
        "verify": "verifying",
        "failed": "failed",
        "retry": "failed_work",
        "cancel": "failed_work",
        "capture": "capture",
        "refund": "refund",
        "refunds": "refunds",
        "payouts": "payouts",
        "reconcile": "reconciling",
        "journal": "reconciling",
        "kpis": "kpis",
        "leaderboard": "leaderboard",
        "report": "report",
        "figures": "figures",
        "products": "products",
    },
    "Operations": {
        "up": "stack",
        "down": "stack",
        "restart": "stack",
        "status": "stack",
        "smoke": "smoke",
        "doctor": "doctor",
        "alerts": "alerts",
        "logs": "logs",
        "config": "settings",
        "pause": "intake",
        "resume": "intake",
        "webhooks": "webhooks",
        "notifications": "notifications",
        "customers": "customers",
    },
    "Maintenance": {
        "backup": "backups",
        "restore": "backups",
        "upgrade": "upgrade",
        "clean": "clean",
        "audit": "audit",
        "keys": "keys",
        "users": "users",
        "console": "users",
    },
    "Try it out": {"demo": "demo", "gateway": "gateway"},
}


SUMMARIES = Path(__file__).with_name("summaries.json")

# The base class of all usage errors, which typer does not export.
WRONG_USAGE: tuple[type[Exception], ...] = typer.BadParameter.__bases__


@cache
def commands_of(module: str) -> Mapping[str, Any]:
    """Loads and returns the commands that a module of `cli.commands` registers, by name."""
    registered = typer.Typer()
    import_module(f"cli.commands.{module}").register(registered)
    return typer.main.get_group(registered).commands


class CommandGroup(TyperGroup):
    """A group with the commands of `PANELS`."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()  # type: ignore[assignment]

    def format_help(self, *args: Any, **options: Any) -> None:
        """Writes the help page."""
        self.commands = _summaries()
        super().format_help(*args, **options)

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Reads the arguments."""
        with _printable_errors():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        with _printable_errors():
            return super().invoke(ctx)


@contextmanager
def _printable_errors() -> Iterator[None]:
    """Removes control sequences, such as those in a file's name, from error messages about arguments."""
    try:
        yield
    except WRONG_USAGE as error:
        vars(error)["message"] = printable(vars(error)["message"])
        raise


def _summaries() -> dict[str, Any]:
    """Returns placeholders of the commands, for the help page only."""
    known = json.loads(SUMMARIES.read_text())
    return {
        name: TyperCommand(name, short_help=known[name], rich_help_panel=panel)
        for panel, names in PANELS.items()
        for name in names
    }


class _Commands(Mapping[str, Any]):
    """Commands by name, in the order of their panels."""

    def __init__(self) -> None:
        self._places = {name: (panel, module) for panel, of in PANELS.items() for name, module in of.items()}

    def __getitem__(self, name: str) -> Any:
        panel, module = self._places[name]
        command: Any = commands_of(module)[name]
        command.rich_help_panel = panel
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
