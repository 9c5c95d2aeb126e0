"""`orders smoke`: checks that every part of a running stack answers."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cli.commands.verifying import checks_as_json
from cli.context import require_usable_store
from cli.output import JsonOption, command, emit, page
from cli.smoke import SECONDS, Smoke, order_store_answers
from orders_pipeline.base.settings import load_settings


@command
def smoke(
    seconds: Annotated[float, typer.Option(min=0.1, help="Time limit for each part, in seconds.")] = SECONDS,
    as_json: JsonOption = False,
) -> None:
    """Send a request to each endpoint, store, queue and server of the running stack. Changes no data."""
    settings = load_settings()
    require_usable_store(settings)
    checks = [order_store_answers(settings), *Smoke(settings, seconds).checks()]
    ok = all(check.ok for check in checks)
    if as_json:
        emit({"ok": ok, "checks": checks_as_json(checks)})
    else:
        table = Table(box=None, show_header=False, pad_edge=False)
        for check in checks:
            mark = "[green]answers[/]" if check.ok else "[bold red]FAILS[/]"
            table.add_row(mark, escape(check.name), escape(check.detail))
        page.print(table)
    if not ok:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("smoke")(smoke)
