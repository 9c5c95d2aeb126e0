"""`orders failed`: failed orders, steps, imports and files that need attention."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from cli.context import open_store
from cli.failure import CommandFailed
from cli.options.choosing import FileOption, SinceOption, SourceOption, TextOption, since_us
from cli.output import JsonOption, command, emit, page
from orders_pipeline.base.model import FailureReason
from orders_pipeline.base.settings import load_settings
from orders_pipeline.failed_work.listing import Kind, Wanted, failed_work
from orders_pipeline.imports.import_row import get_import
from orders_pipeline.store.engine import reading

TITLES = {
    Kind.ORDERS: "Orders",
    Kind.STEPS: "Steps of imports",
    Kind.IMPORTS: "Imports",
    Kind.FILES: "Files in quarantine",
}
COLUMNS = {
    Kind.ORDERS: ("order_id", "source", "reason", "message", "attempts", "failed_at", "partition"),
    Kind.STEPS: ("partition", "batch", "step", "attempts", "failed_at", "message"),
    Kind.IMPORTS: ("partition", "reason", "attempts", "failed_at", "message"),
    Kind.FILES: ("id", "file", "reason", "failed_at", "message", "hint"),
}


@command
def failed(
    kind: Annotated[Kind | None, typer.Option(help="Only this kind.")] = None,
    reason: Annotated[
        str | None, typer.Option(help="Only with this reason; the counts list the reasons.")
    ] = None,
    key: FileOption = None,
    source: SourceOption = None,
    step: Annotated[str | None, typer.Option(help="Only failures of this step, such as load_orders.")] = None,
    since: SinceOption = None,
    text: TextOption = None,
    traces: Annotated[
        bool, typer.Option("--traces", help="Show the stack trace of each failed step.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Number of entries of each kind.")] = 20,
    offset: Annotated[int, typer.Option(min=0, help="Number of entries of each kind to skip.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """List failed orders, failed steps, imports that stalled or were refused, and files in quarantine."""
    settings = load_settings()
    wanted = Wanted(kind, reason, key, source, step, since_us(since, settings), text)
    with open_store(settings) as engine, reading(engine) as connection:
        if key:
            get_import(connection, key)
        document = failed_work(connection, wanted, limit, offset)
    if reason:
        _require_known(reason, document["counts"])
    if as_json:
        emit(document)
    else:
        _show(document, traces)


def _require_known(reason: str, counts: dict[str, dict[str, int]]) -> None:
    known = {*FailureReason, *(name for of_kind in counts.values() for name in of_kind)}
    if reason not in known:
        message = f"Nothing that failed has the reason {reason!r}."
        raise CommandFailed("unknown_reason", message, f"Known reasons: {', '.join(sorted(known))}.")


def _show(document: dict[str, Any], traces: bool) -> None:
    for kind in Kind:
        if document["counts"][kind]:
            _show_kind(kind, document, traces)
    if not any(document["counts"].values()):
        page.print("No failed work.")


def _show_kind(kind: Kind, document: dict[str, Any], traces: bool) -> None:
    counts, items = document["counts"][kind], document[kind]
    counted = ", ".join(f"{number:,} {reason}" for reason, number in counts.items())
    page.print(f"[bold]{TITLES[kind]}[/]: {counted}", highlight=False)
    if traces and kind is Kind.STEPS:
        for item in items:
            _show_trace(item)
    elif items:
        page.print(_table(kind, items))


def _table(kind: Kind, items: list[dict[str, Any]]) -> Table:
    table = Table(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    for name in COLUMNS[kind]:
        table.add_column(name.removesuffix("_id").replace("_", " "), overflow="fold")
    for item in items:
        table.add_row(*(_cell(name, item[name]) for name in COLUMNS[kind]))
    return table


def _cell(name: str, value: Any) -> str:
    if name == "failed_at":
        return str(value)[:19].replace("T", " ")
    if name == "batch":
        return str(value or "whole file")
    return "" if value is None else escape(str(value))


def _show_trace(item: dict[str, Any]) -> None:
    where = f"batch {item['batch']}" if item["batch"] else "whole file"
    page.print(
        f"\n{escape(item['partition'])}, {where}, {item['step']}: failed attempts: {item['attempts']}, "
        f"last at {_cell('failed_at', item['failed_at'])} in run {item['run_id']}",
        highlight=False,
    )
    page.print(escape(item["trace"]), highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("failed")(failed)
