"""The command `orders`."""

from __future__ import annotations

import logging
import time
from importlib.metadata import version
from typing import Annotated

STARTED_AT = time.time()

import typer  # noqa: E402 the command's start is taken first

from cli.command_group import CommandGroup  # noqa: E402
from cli.stack.programs.code_version import code_version  # noqa: E402
from orders_pipeline.base.variables import given_variables, unused_variables  # noqa: E402
from orders_pipeline.base.version import VERSION  # noqa: E402

app = typer.Typer(
    name="orders",
    cls=CommandGroup,
    help="Import order files, settle their orders, and publish daily KPIs and leaderboards.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"orders-pipeline {VERSION}")
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
            help="Show the versions of the project, of Dagster and of the code, and exit.",
        ),
    ] = False,
) -> None:
    context.obj = STARTED_AT
    # Commands print their own messages. Log warnings, such as about a missing Redis, would only repeat them.
    logging.basicConfig(level=logging.ERROR)
    for message in unused_variables(given_variables()):
        typer.echo(f"Warning: {message}", err=True)
