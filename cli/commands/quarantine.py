"""`orders quarantine`: files of the inbox that cannot be imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from sqlalchemy import Connection, Engine

from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.options.reading_options import reading_options
from cli.output import JsonOption, command, emit, page, progress
from cli.pages.quarantine_table import quarantine_table
from orders_pipeline.base.settings import load_settings
from orders_pipeline.failed_work.dismiss import NotRefusedError, dismiss_imports
from orders_pipeline.imports.arrival.dropped_files import retry_files
from orders_pipeline.imports.arrival.quarantine import (
    NotInQuarantineError,
    QuarantinedFile,
    ask_to_retry,
    dismiss_files,
    find_quarantined,
    list_quarantined,
    quarantine_document,
)
from orders_pipeline.imports.arrival.saved_profiles import is_profile_name
from orders_pipeline.order_files.reading_instructions import ReadingInstructions
from orders_pipeline.staging.inbox import Inbox
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.engine import reading

LIST_HINT = "`orders quarantine list` shows the files with their ids."
Ids = Annotated[list[int], typer.Argument(help="Ids of files; `orders quarantine list` shows them.")]


@command
def show_list(
    closed: Annotated[
        bool, typer.Option("--all", help="Also show files that were dismissed or retried.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Number of files, newest first.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List files of the inbox that cannot be imported, with the reason and what to do."""
    with open_store(load_settings()) as engine, reading(engine) as connection:
        found = list_quarantined(connection, limit, closed=closed)
    if as_json:
        emit([quarantine_document(file) for file in found])
    else:
        page.print(quarantine_table(found) if found else "No file is in quarantine.")


@command
@reading_options("companion")
def retry(ids: Ids, instructions: ReadingInstructions, as_json: JsonOption = False) -> None:
    """Retry files in quarantine, as they are or with other reading options. `orders up` imports them."""
    settings = load_settings()
    with open_store(settings) as engine:
        with engine.begin() as connection:
            _require_known(lambda: ask_to_retry(connection, ids, _said(connection, instructions), actor()))
        retry_files(engine, open_staging(settings), Inbox(settings.inbox_folder), settings.zone)
        found = _found(engine, ids)
    if as_json:
        emit([quarantine_document(file) for file in found])
    else:
        for file in found:
            _show_tried(file)
    if any(file.is_open for file in found):
        raise typer.Exit(1)


@command
def dismiss(
    files: Annotated[
        list[str], typer.Argument(help="Ids of files in quarantine, or partition keys of refused imports.")
    ],
    because: Annotated[str, typer.Option(help="Reason, for the audit trail.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Set files in quarantine and refused imports aside: they are no longer listed as failed."""
    ids = [int(one) for one in files if one.isdecimal()]
    keys = [one for one in files if not one.isdecimal()]
    with open_store(load_settings()) as engine, engine.begin() as connection:
        _require_known(lambda: dismiss_files(connection, ids, actor(), because))
        _require_known(lambda: dismiss_imports(connection, keys, actor(), because))
    if as_json:
        emit({"dismissed": files})
    else:
        page.print(f"Dismissed: {escape(', '.join(files))}.", highlight=False)


def _said(connection: Connection, instructions: ReadingInstructions) -> dict[str, Any]:
    profile = instructions.profile
    if profile and not is_profile_name(connection, profile):
        # Another process may read the file.
        profile = str(Path(profile).resolve())
    named = {"profile": profile, "source": instructions.source, "max_rejects": instructions.max_rejects}
    said = {**named, **instructions.options.said()}
    return {name: value for name, value in said.items() if value is not None}


def _require_known(act: Callable[[], None]) -> None:
    try:
        act()
    except NotInQuarantineError as error:
        raise CommandFailed("not_in_quarantine", str(error), LIST_HINT) from None
    except NotRefusedError as error:
        raise CommandFailed("not_refused", str(error), "`orders files` shows its status.") from None


def _found(engine: Engine, ids: list[int]) -> list[QuarantinedFile]:
    with reading(engine) as connection:
        return find_quarantined(connection, ids)


def _show_tried(file: QuarantinedFile) -> None:
    if file.partition_key:
        page.print(
            f"{escape(file.file_name)} is staged as {escape(file.partition_key)}. `orders up` imports it.",
            highlight=False,
        )
        return
    progress.print(f"[bold red]Error:[/] {escape(file.message)}", highlight=False)
    progress.print(f"[dim]{escape(file.hint)}[/]", highlight=False)


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    quarantine = typer.Typer(
        name="quarantine", help="Files of the inbox that cannot be imported.", no_args_is_help=True
    )
    quarantine.command("list")(show_list)
    quarantine.command("retry")(retry)
    quarantine.command("dismiss")(dismiss)
    app.add_typer(quarantine)
