"""The command `orders`."""

from __future__ import annotations

import logging
import time

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

app = typer.Typer(
    name="orders",
    help="Order files in; settled orders, daily KPIs and leaderboards out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _remember_start(context: typer.Context) -> None:
    context.obj = STARTED_AT
    # What commands have to say they say themselves; that no Redis runs, for one, is no news here.
    logging.basicConfig(level=logging.ERROR)


for group in (
    importing,
    order_files,
    profiles,
    kpis,
    leaderboard,
    products,
    inspecting,
    failed,
    failed_work,
    audit,
    keys,
    intake,
    stack,
    alerts,
    backups,
    clean,
    doctor,
    smoke,
    demo,
    gateway,
):
    group.register(app)
