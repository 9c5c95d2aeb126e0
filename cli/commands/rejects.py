"""`orders rejects`: the rejected lines of an order file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Connection

from cli.context import open_store
from cli.output import JsonOption, command, emit, page, progress
from cli.written_files import written
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.base.text.numbers import counted
from orders_pipeline.imports.import_row import Import, get_import
from orders_pipeline.imports.results.reject_export import require_rejects, write_rejects
from orders_pipeline.imports.results.report import rejects_of
from orders_pipeline.order_files.records.content import place_in
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.engine import reading


@command
def rejects(
    key: Annotated[str, typer.Argument(help="Partition key; `orders files` lists them.")],
    as_csv: Annotated[
        bool,
        typer.Option("--csv", help="Export all lines of rejected orders, to correct and import."),
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="File for --csv. Default: stdout.", dir_okay=False)
    ] = None,
    escape_formulas: Annotated[
        bool,
        typer.Option("--escape-formulas", help="Escape text that a spreadsheet would run as a formula."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the rejected lines of an order file, with line number, reason and hint.

    With --csv, export them in the format of the original, with the reasons in front. Correct the lines and
    import the export as it is.
    """
    settings = load_settings()
    with open_store(settings) as engine, reading(engine) as connection:
        found = get_import(connection, key)
        require_rejects(found)
        if as_csv or output:
            _export(connection, settings, found, output, escape_formulas=escape_formulas)
            return
        rows = [
            {**row, "place": place_in(found.identified, row["line"])}
            for row in rejects_of(connection, found.id)
        ]
    if as_json:
        emit(rows)
    else:
        _show_rejects(rows)


def _export(
    connection: Connection, settings: Settings, found: Import, output: Path | None, *, escape_formulas: bool
) -> None:
    staging = open_staging(settings)
    with written(output) as target:
        count = write_rejects(connection, staging, found, target, escape_formulas=escape_formulas)
    if output:
        progress.print(f"{counted(count, 'line')} in {escape(str(output))}", highlight=False)


def _show_rejects(rows: list[dict[str, Any]]) -> None:
    if not rows:
        page.print("No line of this file was rejected.")
        return
    table = Table("place", "order", "column", "code", "problem", "hint")
    for row in rows:
        cells = (
            row["place"],
            row["order_number"],
            row["column_name"],
            row["code"],
            row["message"],
            row["hint"],
        )
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in cells))
    page.print(table)


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("rejects")(rejects)
