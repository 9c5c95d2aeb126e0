"""`orders files`: staged and imported order files."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from cli.context import open_store
from cli.output import JsonOption, command, emit, page, print_whole
from cli.pages.import_page import show_findings, show_report
from cli.pages.quarantine_table import quarantine_table
from orders_pipeline.base.model import OrderStatus
from orders_pipeline.base.settings import load_settings
from orders_pipeline.imports.arrival.quarantine import QuarantinedFile, list_quarantined
from orders_pipeline.imports.import_row import Import, get_import, list_imports, seconds_to_settle
from orders_pipeline.imports.results.report import ImportReport, report_import
from orders_pipeline.store.engine import reading


@command
def files(
    key: Annotated[
        str | None, typer.Argument(help="Partition key of one file. Without it, files are listed.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Number of files, newest first.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List staged and imported order files and files in quarantine, or show the details of one."""
    with open_store(load_settings()) as engine, reading(engine) as connection:
        found = [get_import(connection, key)] if key else list_imports(connection, limit)
        reports = [report_import(connection, one, seconds_to_settle(one)) for one in found]
        quarantined = [] if key else list_quarantined(connection, limit)
    documents = [_document(one, report) for one, report in zip(found, reports, strict=True)]
    documents += [_quarantined(file) for file in quarantined]
    if as_json:
        emit(documents[0] if key else documents)
    elif key:
        _show_file(found[0], reports[0])
    else:
        _show_files(found, reports)
        if quarantined:
            page.print("In quarantine; `orders quarantine --help` shows what you can do:")
            page.print(quarantine_table(quarantined))


def _document(found: Import, report: ImportReport) -> dict[str, Any]:
    more = {"status": found.status, "refused_because": found.refused_because}
    return {**asdict(report), **more, "refused_code": found.refused_code, "max_rejects": found.max_rejects}


def _quarantined(file: QuarantinedFile) -> dict[str, Any]:
    said = {"refused_because": f"{file.message} {file.hint}", "refused_code": file.code}
    return {
        "partition": None,
        "file": file.file_name,
        "status": "quarantined",
        **said,
        "quarantine_id": file.id,
    }


def _show_file(found: Import, report: ImportReport) -> None:
    show_report(report)
    page.print(f"  status      {found.status}", highlight=False)
    if found.refused_because:
        page.print(f"  [red]{escape(found.refused_because)}[/]", highlight=False)
    if found.max_rejects:
        page.print(f"  limit       {escape(found.max_rejects)} bad lines", highlight=False)
    show_findings(report.detected)


SHOWN = {"done": OrderStatus.COMPLETED, "back": OrderStatus.ROLLBACK, "failed": OrderStatus.FAILED}


def _show_files(found: list[Import], reports: list[ImportReport]) -> None:
    table = Table(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("partition", no_wrap=True)
    table.add_column("status", no_wrap=True)
    held = any(OrderStatus.AUTHORIZED in report.statuses for report in reports)
    statuses = {**({"held": OrderStatus.AUTHORIZED} if held else {}), **SHOWN}
    for name in ("records", "orders", *statuses, "rejects"):
        table.add_column(name, justify="right", no_wrap=True)
    for one, report in zip(found, reports, strict=True):
        settled = (report.statuses.get(status, 0) for status in statuses.values())
        rejects = report.rejected_lines + report.lines_of_rejected_orders
        counts = (report.records, report.orders["accepted"], *settled, rejects)
        table.add_row(one.key, one.status, *(f"{number:,}" for number in counts))
    if found:
        print_whole(table)
    else:
        page.print("No order files yet. Import one with `orders import FILE`.")


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("files")(files)
