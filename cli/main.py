"""The command `orders`."""

from __future__ import annotations

import logging
import time
from importlib.metadata import version
from typing import Annotated

STARTED_AT = time.time()

import typer  # noqa: E402 the command's start is taken first

from cli.commands import (  # noqa: E402
    alerts,
    audit,
    backups,
    clean,
    demo,
    doctor,
    failed,
    failed_work,
    gateway,
    importing,
    inspecting,
    intake,
    keys,
    kpis,
    leaderboard,
    order_files,
    products,
    profiles,
    smoke,
    stack,
)
from cli.stack.code_version import code_version  # noqa: E402

app = typer.Typer(
    name="orders",
    help="Order files in; settled orders, daily KPIs and leaderboards out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"orders-pipeline {version('orders-pipeline')}")
        typer.echo(f"dagster {version('dagster')}")
        typer.echo(f"code {code_version()}")
        raise typer.Exit


@app.callback()
def _remember_start(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show the versions of this project, of Dagster and of the code, and exit.",
        ),
    ] = False,
) -> None:
    context.obj = STARTED_AT
    # What commands have to say they say themselves; that no Redis runs, for one, is no news here.
    logging.basicConfig(level=logging.ERROR)


PANELS = {
    "Order files": (importing, order_files, profiles),
    "Orders and figures": (inspecting, failed, failed_work, kpis, leaderboard, products),
    "Running it": (stack, smoke, doctor, alerts, intake),
    "Upkeep": (backups, clean, audit, keys),
    "Trying it out": (demo, gateway),
}
for panel, parts in PANELS.items():
    commands, groups = len(app.registered_commands), len(app.registered_groups)
    for part in parts:
        part.register(app)
    for command in app.registered_commands[commands:]:
        command.rich_help_panel = panel
    for group in app.registered_groups[groups:]:
        group.rich_help_panel = panel
