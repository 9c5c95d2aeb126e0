"""The report that `orders import` prints for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from cli.output import page, show_error

if TYPE_CHECKING:
    from cli.runs.import_files import FileRun
    from orders_pipeline.imports.results.report import ImportReport

SURE = 0.8
SHOWS_FIRST = (
    "orders profile check FILE shows the first rejected lines. After an import, orders rejects KEY shows all."
)
# Lower rates are shown with a decimal.
A_FEW = 10
# The properties of the file that the report shows, and the suffix of each value.
SHOWN = {
    "format": "",
    "table": "",
    "container": "",
    "encoding": "",
    "delimiter": "-separated",
    "date order": "",
    "companion": "",
}
COLOURS = {"authorized": "cyan", "completed": "green", "rollback": "yellow", "failed": "red"}


def show_runs(runs: list[FileRun], *, dry: bool = False) -> None:
    """Prints a report for each file. After a dry run, no file is staged and no reject is stored."""
    for run in runs:
        if run.error:
            show_error(run.error, as_json=False)
        if run.report:
            show_report(run.report, dry=dry)


def show_report(report: ImportReport, *, dry: bool = False) -> None:
    """Prints the report of one import."""
    page.print(
        f"\n[bold]{escape(report.file)}[/]  [dim]{report.partition}, profile {escape(report.profile)}[/]",
        highlight=False,
    )
    if report.records and report.duplicate_lines == report.records:
        page.print(f"  Nothing changed: all {report.records:,} lines were imported before.")
        return
    page.print(_figures(report))
    for doubt in _doubts(report.detected):
        page.print(f"  [yellow]uncertain[/]   {escape(doubt)}", highlight=False)
    show_warnings(report.warnings)
    if not report.rejects_by_code:
        page.print("  rejects     none")
    else:
        page.print(_rejects(report))
        more = SHOWS_FIRST if dry else f"orders rejects {report.partition} shows each rejected line."
        page.print(f"  [dim]{more}[/]", highlight=False)
    if dry:
        page.print("  Dry run: nothing was imported.")


def _figures(report: ImportReport) -> Table:
    table = Table.grid(padding=(0, 2))
    if report.detected:
        table.add_row("  read as", escape(_read_as(report.detected)))
    table.add_row("  records", f"{report.records:,}", _lines(report))
    table.add_row("  orders", f"{report.orders['accepted']:,}", _statuses(report))
    if report.returns:
        table.add_row("  returns", f"{report.returns:,}")
    for currency, amount in report.revenue.items():
        table.add_row("  revenue", f"{amount} {currency}", "of completed orders")
    for currency, amount in report.refunded.items():
        table.add_row("  refunded", f"{amount} {currency}", "according to the file")
    for currency, amounts in report.amounts.items():
        for kind, amount in amounts.items():
            table.add_row(f"  {kind.replace('_', ' ')}", f"{amount} {currency}", "of accepted orders")
    if report.seconds:
        rate = f"{report.orders_per_second:,.{0 if report.orders_per_second >= A_FEW else 1}f}"
        table.add_row("  settled in", f"{report.seconds:,.1f} s", f"{rate} orders per second")
    return table


def _latest(detected: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Returns the last finding of each kind; later ones are based on the whole file."""
    return {finding["what"]: finding for finding in detected}


def _read_as(detected: list[dict[str, Any]]) -> str:
    found = _latest(detected)
    return ", ".join(f"{found[what]['value']}{word}" for what, word in SHOWN.items() if what in found)


def _doubts(detected: list[dict[str, Any]]) -> list[str]:
    return [
        f"{finding['what']} {finding['value']} ({finding['confidence']:.0%}): {finding['reason']}"
        for finding in detected
        if finding["confidence"] < SURE
        and (finding["what"] != "encoding" or finding is _latest(detected)["encoding"])
    ]


def show_warnings(warnings: list[dict[str, Any]]) -> None:
    """Prints the warnings about a file, each with its code and how often it applies."""
    for warning in warnings:
        message = f"{warning['message']} ({warning['code']}, {warning['count']:,})"
        page.print(f"  [yellow]warning[/]     {escape(message)}", highlight=False)


def show_findings(detected: list[dict[str, Any]]) -> None:
    """Prints how a file was read, with confidence and reasons."""
    table = Table("property", "value", "confidence", "reason", box=SIMPLE)
    for finding in detected:
        value = escape(str(finding["value"]))
        table.add_row(finding["what"], value, f"{finding['confidence']:.0%}", escape(finding["reason"]))
    page.print(table)


def _lines(report: ImportReport) -> str:
    parts = [
        (report.accepted_lines, "accepted"),
        (report.rejected_lines, "rejected"),
        (report.lines_of_rejected_orders, "good but in rejected orders"),
        (report.duplicate_lines, "duplicate"),
        (report.left_out_lines, "left out"),
        (report.repeated_lines, "repeated"),
    ]
    return ", ".join(f"{number:,} {name}" for number, name in parts if number)


def _statuses(report: ImportReport) -> str:
    shown = [f"[{COLOURS[name]}]{number:,} {name}[/]" for name, number in report.statuses.items() if number]
    others = [f"{report.orders[name]:,} {name}" for name in ("rejected", "duplicate") if report.orders[name]]
    return ", ".join(shown + others)


def _rejects(report: ImportReport) -> Table:
    table = Table.grid(padding=(0, 2))
    for code, number in report.rejects_by_code.items():
        table.add_row(f"  [red]{number:>7,}[/]", code)
    return table
