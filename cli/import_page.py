"""The page that `orders import` shows a person."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from cli.import_files import FileRun
from cli.output import page, show_error
from orders_pipeline.store.import_report import ImportReport

COLOURS = {"completed": "green", "rollback": "yellow", "failed": "red"}


def show_runs(runs: list[FileRun]) -> None:
    """A block of figures a file."""
    for run in runs:
        if run.error:
            show_error(run.error, as_json=False)
        if run.report:
            show_report(run.report)


def show_report(report: ImportReport) -> None:
    """The figures of one import."""
    page.print(
        f"\n[bold]{escape(report.file)}[/]  [dim]{report.partition}, profile {escape(report.profile)}[/]",
        highlight=False,
    )
    if report.records and report.duplicate_lines == report.records:
        page.print(f"  Nothing new: all {report.records:,} lines were imported before. Nothing changed.")
        return
    page.print(_figures(report))
    if not report.rejects_by_code:
        page.print("  rejects     none")
    else:
        page.print(_rejects(report))
        page.print(f"  [dim]orders rejects {report.partition} shows each rejected line.[/]", highlight=False)


def _figures(report: ImportReport) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("  records", f"{report.records:,}", _lines(report))
    table.add_row("  orders", f"{report.orders['accepted']:,}", _statuses(report))
    for currency, amount in report.revenue.items():
        table.add_row("  revenue", f"{amount} {currency}", "of completed orders")
    if report.seconds:
        table.add_row(
            "  settled in", f"{report.seconds:,.1f} s", f"{report.orders_per_second:,.0f} orders a second"
        )
    return table


def _lines(report: ImportReport) -> str:
    parts = [
        (report.accepted_lines, "accepted"),
        (report.rejected_lines, "rejected"),
        (report.lines_of_rejected_orders, "lost with a rejected order"),
        (report.duplicate_lines, "duplicate"),
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
