"""`orders customers`: exports and erases the personal data of a customer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.output import JsonOption, command, emit, page
from cli.runs.gateway_runs import publish_due
from cli.written_files import written
from orders_pipeline.base.files.new_files import PRIVATE
from orders_pipeline.base.settings import load_settings
from orders_pipeline.base.text.printable import json_text
from orders_pipeline.customers.erase import Erased, ImportsRunningError, erase_customer
from orders_pipeline.customers.export import export_customer
from orders_pipeline.customers.held import Held, UnknownCustomerError, held_on
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.engine import reading

Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Id of a customer.")]
REMAINS = (
    "Backups, exports that were written before, order files in the inbox, and texts of operators are not "
    "changed: see docs/notices.md."
)


@command
def export(
    customer: Customer,
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write. Default: standard output.")
    ] = None,
    as_json: JsonOption = False,  # noqa: ARG001 it is always JSON
) -> None:
    """Write all data about a customer as one JSON document."""
    with _known(), open_store(load_settings()) as engine, engine.begin() as connection:
        document = export_customer(connection, customer, actor())
    if output is None:
        emit(document)
        return
    with written(output, PRIVATE) as file:
        file.write(f"{json_text(document, indent=2)}\n".encode())


@command
def erase(
    customer: Customer,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be erased, but change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Erase name, address and id of a customer everywhere. Orders and payments stay, without the person."""
    settings = load_settings()
    with _known(), open_store(settings) as engine:
        if dry:
            with reading(engine) as connection:
                _show(_preview(held_on(connection, customer)), as_json)
            return
        erased = erase_customer(engine, open_staging(settings), customer, actor())
        publish_due(settings, engine, lambda figures: figures.boards.rebuild_all(Board.CUSTOMERS))
        publish_due(settings, engine, lambda figures: figures.forget_customer(customer))
    _show(_document(erased), as_json)


def _preview(held: Held) -> dict[str, Any]:
    return {"dry_run": True, "customer": None, **held.counts(), "files": list(held.files.values())}


def _document(erased: Erased) -> dict[str, Any]:
    return {"dry_run": False, "customer": erased.customer, **erased.counts, "files": erased.files}


def _show(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(document)
        return
    counted = [f"{name.replace('_', ' ')} {value}" for name, value in document.items() if type(value) is int]
    done = (
        "Would erase" if document["dry_run"] else f"Erased; the orders belong to {document['customer']} now"
    )
    page.print(f"{done}: {', '.join(counted)}.", highlight=False)
    for key in document["files"]:
        page.print(f"  staged file {escape(key)}", highlight=False)
    page.print(f"[dim]{REMAINS}[/]", highlight=False)


@contextmanager
def _known() -> Iterator[None]:
    try:
        yield
    except UnknownCustomerError as error:
        raise CommandFailed("unknown_customer", str(error), "`orders list` shows ids.") from None
    except ImportsRunningError as error:
        hint = "Wait until they have ended; `orders pause` keeps new ones from starting."
        raise CommandFailed("imports_running", str(error), hint) from None


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    customers = typer.Typer(
        name="customers",
        help="Export or erase the personal data of a customer.",
        no_args_is_help=True,
    )
    customers.command("export")(export)
    customers.command("erase")(erase)
    app.add_typer(customers)
