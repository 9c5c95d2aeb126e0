"""`orders payouts`: imports reports of payment providers and bank statements, and lists them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.output import JsonOption, command, emit, error_object, page, show_error
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.settings import load_settings
from orders_pipeline.payouts.files import UnknownPayoutFileError, list_files, list_rejects
from orders_pipeline.payouts.importing import PayoutImport, import_file
from orders_pipeline.payouts.reading import read_file
from orders_pipeline.payouts.reports.plain import read_profile
from orders_pipeline.store.engine import reading

LimitOption = Annotated[int, typer.Option(min=1, help="Maximum number of files, newest first.")]


@command
def import_files(
    files: Annotated[list[Path], typer.Argument(help="Reports of a payment provider, or bank statements.")],
    profile: Annotated[
        Path | None,
        typer.Option(help="Profile (TOML) for the CSV report of a provider that is not known."),
    ] = None,
    new_account: Annotated[
        bool, typer.Option("--new-account", help="Accept an account that the store does not know yet.")
    ] = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Read and check everything; change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Import reports of Stripe, Adyen and others, and bank statements (camt.053, MT940)."""
    settings = load_settings()
    plain = read_profile(profile) if profile else None
    outcomes: list[PayoutImport | CommandFailed] = []
    with open_store(settings) as engine:
        for file in files:
            try:
                read = read_file(file, settings.zone, plain)
                outcomes.append(import_file(engine, read, actor(), new_account=new_account, dry=dry))
            except FileRefused as refused:
                outcomes.append(CommandFailed(refused.code, refused.message, refused.hint))
    _show_outcomes(outcomes, as_json)
    if any(isinstance(one, CommandFailed) for one in outcomes):
        raise typer.Exit(1)


@command
def show_files(limit: LimitOption = 50, as_json: JsonOption = False) -> None:
    """List the imported reports and statements."""
    with open_store(load_settings()) as engine, reading(engine) as connection:
        found = list_files(connection, limit)
    if as_json:
        emit(found)
        return
    table = Table(box=SIMPLE, pad_edge=False)
    for name in ("number", "file", "format", "account", "from", "to"):
        table.add_column(name, overflow="fold")
    for name in ("lines", "accepted", "rejected"):
        table.add_column(name, justify="right")
    for one in found:
        days = ((one[name] or "")[:10] for name in ("first_at", "last_at"))
        texts = (str(one["id"]), one["file_name"], one["format"], one["account"], *days)
        table.add_row(
            *map(escape, texts), *(f"{one[name]:,}" for name in ("records", "accepted", "rejected"))
        )
    page.print(table if found else "No reports or statements yet.")


@command
def rejects(
    number: Annotated[int, typer.Argument(help="Number of the file; `orders payouts files` shows it.")],
    as_json: JsonOption = False,
) -> None:
    """List the rejected lines of a report or statement, with the reasons."""
    with open_store(load_settings()) as engine, reading(engine) as connection:
        try:
            found = list_rejects(connection, number)
        except UnknownPayoutFileError as error:
            hint = "`orders payouts files` lists them."
            raise CommandFailed("unknown_payout_file", str(error), hint) from None
    if as_json:
        emit(found)
        return
    for one in found:
        page.print(f"line {one['line']}: {one['code']}. {escape(one['message'])}", highlight=False)
    if not found:
        page.print("No rejected lines.")


def _show_outcomes(outcomes: list[PayoutImport | CommandFailed], as_json: bool) -> None:
    if as_json:
        documents = [_document(one) for one in outcomes]
        emit(documents[0] if len(documents) == 1 else documents)
        return
    for one in outcomes:
        if isinstance(one, CommandFailed):
            show_error(one, as_json)
        else:
            _show_import(one)


def _document(outcome: PayoutImport | CommandFailed) -> dict[str, Any]:
    return error_object(outcome) if isinstance(outcome, CommandFailed) else asdict(outcome)


def _show_import(done: PayoutImport) -> None:
    would = " (dry run)" if done.dry_run else ""
    page.print(f"[bold]{escape(done.file)}[/]: {done.format}, {done.records:,} lines{would}", highlight=False)
    page.print(f"  accepted    {done.accepted:,}", highlight=False)
    for name in ("duplicates", "unrelated", "rejected"):
        if number := getattr(done, name):
            page.print(f"  {name:<11} {number:,}", highlight=False)
    for code, number in done.rejects_by_code.items():
        page.print(f"    {code}: {number:,}", highlight=False)


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    payouts = typer.Typer(help="Payouts of payment providers to the bank.", no_args_is_help=True)
    payouts.command("import")(import_files)
    payouts.command("files")(show_files)
    payouts.command("rejects")(rejects)
    app.add_typer(payouts, name="payouts")
