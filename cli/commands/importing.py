"""`orders stage`, `orders import`, `orders files` and `orders rejects`."""

from __future__ import annotations

import csv
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from cli.context import open_store
from cli.import_files import FileRun, ImportCommand
from cli.import_page import show_runs
from cli.output import JsonOption, command, emit, error_object, explain, page, show_error
from cli.stack.dagster_home import prepare_dagster
from cli.stack.layout import Layout
from orders_pipeline.dry_run import dry_run
from orders_pipeline.import_file import stage_file
from orders_pipeline.importing.options import ReadOptions
from orders_pipeline.settings import load_settings
from orders_pipeline.staging import Staging
from orders_pipeline.store.engine import reading
from orders_pipeline.store.import_report import rejects_of, report_import
from orders_pipeline.store.imports import get_import, list_imports, seconds_to_settle

Files = Annotated[list[Path], typer.Argument(help="Order files.", show_default=False)]
ProfileOption = Annotated[
    str | None, typer.Option(help="Column profile, or the path of one; else by the header.")
]
SourceOption = Annotated[
    str | None, typer.Option(help="Where the orders come from; else the profile's name.")
]
EncodingOption = Annotated[str | None, typer.Option(help="Encoding, such as cp1252; else detected.")]
DelimiterOption = Annotated[str | None, typer.Option(help="Delimiter; else detected.")]
QuoteOption = Annotated[str | None, typer.Option(help="Quote character; else detected.")]
EscapeOption = Annotated[str | None, typer.Option(help="Escape character; else detected.")]
DateOption = Annotated[str | None, typer.Option("--date-format", help="DMY, MDY, YMD or a strptime format.")]
DecimalOption = Annotated[str | None, typer.Option(help="Decimal sign, . or ,; else detected.")]
CompanionOption = Annotated[str | None, typer.Option(help="Second file of a profile that takes two.")]


@command
def stage(
    files: Files,
    profile: ProfileOption = None,
    source: SourceOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    quote: QuoteOption = None,
    escape: EscapeOption = None,
    date_format: DateOption = None,
    decimal: DecimalOption = None,
    companion: CompanionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Identify order files, copy them into the staging area and register their partition keys; no run."""
    from jobs.launch import dagster_instance, register_partition  # noqa: PLC0415 takes two seconds to load

    settings = load_settings()
    options = ReadOptions(encoding, delimiter, quote, escape, None, date_format, decimal, None, companion)
    documents: list[dict[str, Any]] = []
    failed = False
    Layout(settings.home).prepare()
    prepare_dagster(settings)
    with open_store(settings) as engine, dagster_instance(settings) as instance:
        for file in files:
            try:
                staged = stage_file(engine, Staging(settings.staging), file, profile, source, options)
            except Exception as error:  # noqa: BLE001 one file's failure is an entry of the report
                failed = True
                documents.append(error_object(explain(error)))
                show_error(explain(error), as_json=False)
                continue
            register_partition(instance, staged.key)
            documents.append({"partition": staged.key, "file": staged.file_name, "profile": staged.profile})
            if not as_json:
                sys.stdout.write(f"{staged.key}\n")
    if as_json:
        emit(documents if len(files) > 1 else documents[0])
    if failed:
        raise typer.Exit(1)


@command
def import_files(
    context: typer.Context,
    files: Files,
    profile: ProfileOption = None,
    source: SourceOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    quote: QuoteOption = None,
    escape: EscapeOption = None,
    date_format: DateOption = None,
    decimal: DecimalOption = None,
    companion: CompanionOption = None,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Read and check everything, change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Import order files: settle every order, publish KPIs and leaderboards, report."""
    started_at = context.obj if isinstance(context.obj, float) else time.time()
    options = ReadOptions(encoding, delimiter, quote, escape, None, date_format, decimal, None, companion)
    settings = load_settings()
    with open_store(settings) as engine:
        if dry:
            runs = [_dry(settings, engine, file, profile, source, options) for file in files]
        else:
            runs = ImportCommand(settings, engine, started_at).run(files, profile, source, options)
    if as_json:
        documents = [error_object(run.error) if run.error else asdict(run.report) for run in runs]  # type: ignore[arg-type]
        emit(documents if len(files) > 1 else documents[0])
    else:
        show_runs(runs)
    if any(run.error for run in runs):
        raise typer.Exit(1)


def _dry(
    settings: Any, engine: Any, file: Path, profile: str | None, source: str | None, options: ReadOptions
) -> FileRun:
    run = FileRun(file)
    try:
        run.report = dry_run(engine, settings, file, profile, source, options)
    except Exception as error:  # noqa: BLE001 one file's failure is an entry of the report
        run.error = explain(error)
    return run


@command
def files(
    limit: Annotated[int, typer.Option(help="How many, the newest first.")] = 20, as_json: JsonOption = False
) -> None:
    """List the order files that were staged or imported."""
    with open_store(load_settings()) as engine, reading(engine) as connection:
        found = list_imports(connection, limit)
        reports = [report_import(connection, one, seconds_to_settle(one)) for one in found]
    if as_json:
        emit(
            [
                {**asdict(report), "status": one.status, "refused_because": one.refused_because}
                for one, report in zip(found, reports, strict=True)
            ]
        )
        return
    table = Table(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("partition", overflow="fold", min_width=20)
    table.add_column("status", no_wrap=True)
    for name in ("records", "orders", "done", "back", "failed", "rejects"):
        table.add_column(name, justify="right", no_wrap=True)
    for one, report in zip(found, reports, strict=True):
        counts = (report.records, report.orders["accepted"], *report.statuses.values(), report.rejected_lines)
        table.add_row(one.key, one.status, *(f"{number:,}" for number in counts))
    page.print(table if found else "No order files yet. Import one with `orders import FILE`.")


@command
def rejects(
    key: Annotated[str, typer.Argument(help="Partition key; `orders files` lists them.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV to stdout.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the rejected lines of an order file, each with its place, reason and way out."""
    with open_store(load_settings()) as engine, reading(engine) as connection:
        rows = rejects_of(connection, get_import(connection, key).id)
    if as_json:
        emit(rows)
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, fieldnames=rows[0].keys() if rows else ["record"])
        writer.writeheader()
        writer.writerows(rows)
    else:
        _show_rejects(rows)


def _show_rejects(rows: list[dict[str, Any]]) -> None:
    if not rows:
        page.print("No line of this file was rejected.")
        return
    table = Table("line", "order", "column", "code", "what is wrong", "way out")
    for row in rows:
        cells = (
            row["line"],
            row["order_number"],
            row["column_name"],
            row["code"],
            row["message"],
            row["hint"],
        )
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in cells))
    page.print(table)


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    app.command("stage")(stage)
    app.command("import")(import_files)
    app.command("files")(files)
    app.command("rejects")(rejects)
