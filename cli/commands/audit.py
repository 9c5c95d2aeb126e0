"""`orders audit`: the audit log of operators' actions."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Column, Table

from cli.context import open_store
from cli.output import JsonOption, command, emit, page
from orders_pipeline.access.audit import ActionFilter, action_document, list_actions
from orders_pipeline.base.clock import to_microseconds
from orders_pipeline.base.settings import load_settings
from orders_pipeline.store.engine import reading


@command
def audit(
    actor: Annotated[
        str | None, typer.Option(help="Only actions by this actor, such as cli:alice or key:deploy.")
    ] = None,
    action: Annotated[
        str | None, typer.Option(help="Only actions that start with this text, such as orders.retry or keys.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="Only actions on this target: a partition key, a SKU or the name of an API key."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(help="Only actions since this time, in ORDERS_TIMEZONE.", show_default=False),
    ] = None,
    before: Annotated[int | None, typer.Option(help="Only actions older than the one with this id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Number of actions, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show the audit log of operators' actions, newest first."""
    settings = load_settings()
    since_us = to_microseconds(since.replace(tzinfo=settings.zone)) if since else None
    wanted = ActionFilter(actor, action, target, since_us, before)
    with open_store(settings) as engine, reading(engine) as connection:
        found = [action_document(one) for one in list_actions(connection, wanted, limit)]
    if as_json:
        emit(found)
    elif found:
        page.print(_table(found))
    else:
        page.print("No matching actions in the audit log.")


def _table(actions: list[dict[str, Any]]) -> Table:
    time = Column("time", no_wrap=True)
    table = Table("id", time, "actor", "action", "target", "detail", box=SIMPLE, pad_edge=False)
    for one in actions:
        detail = ", ".join(f"{name}={_formatted(value)}" for name, value in one["detail"].items())
        cells = (one["at"][:19].replace("T", " "), one["actor"], one["action"], one["target"], detail)
        table.add_row(str(one["id"]), *(escape(cell) for cell in cells))
    return table


def _formatted(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("audit")(audit)
