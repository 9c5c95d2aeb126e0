"""`orders profile`: drafts column profiles, tries them, and saves them in the order store."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.options.reading_options import reading_options
from cli.output import JsonOption, command, emit, page, progress, show
from cli.pages.import_page import show_findings
from orders_pipeline.base.settings import load_settings
from orders_pipeline.imports.arrival.preview_document import preview_document
from orders_pipeline.imports.arrival.reading_plan import planned
from orders_pipeline.imports.arrival.saved_profiles import (
    profile_document,
    remove_profile,
    save_profile,
    saved_profiles,
)
from orders_pipeline.imports.file_import import parse_rules
from orders_pipeline.order_files.columns.profile import PROFILE_NAME
from orders_pipeline.order_files.proposals.preview import preview_orders
from orders_pipeline.order_files.proposals.propose import Proposal, propose_profile
from orders_pipeline.order_files.reading_instructions import ReadingInstructions
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.engine import reading

OrderFile = Annotated[Path, typer.Argument(help="An order file.", show_default=False)]


@command
@reading_options("profile", "source", "max_rejects")
def new(
    file: OrderFile,
    instructions: ReadingInstructions,
    output: Annotated[
        Path | None, typer.Option(help="TOML file to write. Default: stdout.", dir_okay=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draft a column profile for a file, and show which parts of the mapping are uncertain."""
    proposal = propose_profile(file, instructions.options)
    if output:
        _write(output, proposal.toml)
    if as_json:
        emit({**asdict(proposal), "output": str(output) if output else None})
        return
    _show_proposal(proposal, file, output)
    if output is None:
        show(proposal.toml)


def _write(output: Path, toml: str) -> None:
    if not re.fullmatch(PROFILE_NAME, output.stem.lower()):
        hint = "Use letters, digits, - and _."
        raise CommandFailed("bad_profile_name", f"{output.stem!r} cannot be the name of a profile.", hint)
    try:
        with output.open("x", encoding="utf-8") as target:
            target.write(toml)
    except FileExistsError:
        raise CommandFailed("file_exists", f"{output} already exists.", "Name another file.") from None
    except OSError as error:
        raise CommandFailed("not_written", f"{output} cannot be written: {error.strerror}.") from None


def _show_proposal(proposal: Proposal, file: Path, output: Path | None) -> None:
    table = Table("field", "column", "confidence", "reason", box=SIMPLE)
    for guess in proposal.guesses:
        table.add_row(guess.field, escape(guess.column), f"{guess.confidence:.0%}", escape(guess.reason))
    progress.print(table)
    for name in proposal.fits:
        progress.print(f"[green]The file already fits the profile {name}[/]. You do not need a new one.")
    for field in proposal.missing:
        progress.print(f"[red]Fill in[/]  {field}: no column fits well.")
    if proposal.orders or proposal.rejects_by_code:
        rejected = ", ".join(f"{number:,} {code}" for code, number in proposal.rejects_by_code.items())
        number = f"{proposal.orders:,} order{'' if proposal.orders == 1 else 's'}"
        outcome = f"With this draft the file has {number}; rejected lines: {rejected or 'none'}."
        progress.print(escape(outcome), highlight=False)
    for doubt in proposal.doubts:
        progress.print(f"[yellow]Check[/]    {escape(doubt)}", highlight=False)
    written = escape(str(output)) if output else "FILE.toml"
    said = f"[dim]Next: orders profile check {escape(str(file))} --profile {written}[/]"
    progress.print(said, highlight=False, soft_wrap=True)


@command
@reading_options("source", "max_rejects")
def check(
    file: OrderFile,
    instructions: ReadingInstructions,
    limit: Annotated[int, typer.Option("--orders", help="Number of orders to show.", min=1, max=1000)] = 5,
    as_json: JsonOption = False,
) -> None:
    """Show how a file is read, with its first orders as the profile maps them. Nothing is imported."""
    settings = load_settings()
    with (
        open_store(settings) as engine,
        reading(engine) as connection,
        planned(connection, open_staging(settings), file, instructions) as plan,
    ):
        preview = preview_orders(file, plan.identified, parse_rules(settings), limit)
    document = preview_document(plan.identified, preview)
    if as_json:
        emit(document)
    else:
        _show_check(document)


def _show_check(document: dict[str, Any]) -> None:
    page.print(f"\n[bold]{escape(document['file'])}[/]  [dim]profile {escape(document['profile'])}[/]")
    show_findings(document["detected"])
    table = Table("order", "customer")
    table.add_column("ordered at (UTC)", no_wrap=True)
    for name in ("line", "SKU", "product", "units"):
        table.add_column(name)
    table.add_column("total", justify="right", no_wrap=True)
    for order in document["orders"]:
        head = (order["number"], order["customer_id"] or "(guest)", order["ordered_at"][:16])
        for line in order["lines"]:
            cells = (line["file_line"], line["sku"], line["product_name"] or "", line["quantity"])
            table.add_row(*(escape(str(cell)) for cell in (*head, *cells, line["total"])))
            head = ("", "", "")
        for kind, amount in order["amounts"].items():
            table.add_row("", "", "", "", "", kind.replace("_", " "), "", amount)
        if order["paid"] is not None:
            table.add_row("", "", "", "", "", "paid elsewhere", "", order["paid"])
        total = f"[bold]{order['total']} {order['currency']}[/]"
        table.add_row("", "", f"day {order['day']}", "", "", "", "", total, end_section=True)
    page.print(table if document["orders"] else "There is no complete order among the first records.")
    for reject in document["rejects"]:
        page.print(f"  {escape(reject['place'])}  [red]{reject['code']}[/]  {escape(reject['message'])}")
    page.print(f"[dim]From the first {document['records_looked_at']:,} records.[/]", highlight=False)


@command
def save(
    file: Annotated[Path, typer.Argument(help="TOML file of a profile.", show_default=False)],
    name: Annotated[str | None, typer.Option(help="Its name. Default: the name of the file.")] = None,
    replaces: Annotated[
        bool, typer.Option("--replace", help="Replace a saved profile with this name.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Save a profile. Files with its columns are then recognised without --profile."""
    toml = _read(file)
    with open_store(load_settings()) as engine, engine.begin() as connection:
        saved = save_profile(connection, name or file.stem.lower(), toml, actor(), replaces=replaces)
    if as_json:
        emit(profile_document(saved))
    else:
        page.print(f"{saved.name} is saved. Files with its columns need no --profile.", highlight=False)


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file} cannot be read: {error}."
        raise CommandFailed("file_unreadable", message, "Name a TOML file in UTF-8.") from None


@command
def show_list(as_json: JsonOption = False) -> None:
    """List the saved profiles. Those that come with orders-pipeline are always there."""
    with open_store(load_settings()) as engine, reading(engine) as connection:
        saved = [profile_document(one) for one in saved_profiles(connection)]
    if as_json:
        emit(saved)
    elif not saved:
        page.print("No saved profiles yet. Draft one with `orders profile new FILE`.", highlight=False)
    else:
        table = Table("name", "saved at (UTC)", "by", "description", box=SIMPLE)
        for one in saved:
            cells = (one["name"], one["saved_at"][:16], one["saved_by"], one["problem"] or one["description"])
            table.add_row(*(escape(cell) for cell in cells))
        page.print(table)


@command
def remove(
    name: Annotated[str, typer.Argument(help="Name of a saved profile.")], as_json: JsonOption = False
) -> None:
    """Remove a saved profile. Files that were staged with it keep it."""
    with open_store(load_settings()) as engine, engine.begin() as connection:
        if not remove_profile(connection, name, actor()):
            hint = "`orders profile list` shows the saved profiles."
            raise CommandFailed("profile_unknown", f"There is no saved profile {name!r}.", hint)
    if as_json:
        emit({"removed": name})
    else:
        page.print(f"{name} is removed.", highlight=False)


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    profile = typer.Typer(
        help="Column profiles, which map the columns of a shop's files to orders.", no_args_is_help=True
    )
    profile.command("new")(new)
    profile.command("check")(check)
    profile.command("save")(save)
    profile.command("list")(show_list)
    profile.command("remove")(remove)
    app.add_typer(profile, name="profile")
