"""The command `orders`."""

from __future__ import annotations

import time

STARTED_AT = time.time()

import typer  # noqa: E402 the command's start is taken first

from cli.commands import importing, inspecting, products  # noqa: E402

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


for group in (importing, products, inspecting):
    group.register(app)
