"""`orders reconcile` and `orders journal`: compare store, payment provider and bank, and export bookings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape

from cli.commands.exporting import CurrencyOption, known_currency
from cli.context import open_store
from cli.options.export_options import EscapeOption, FormatOption, OutputOption, chosen_format, export_table
from cli.output import JsonOption, command, emit, page, wrong_usage
from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.settings import Settings, accounts_by_name, load_settings
from orders_pipeline.exports.journal import JOURNAL, journal_rows
from orders_pipeline.payouts.documents import Document, reconciliation_document
from orders_pipeline.payouts.periods import Period
from orders_pipeline.payouts.reconciling import reconcile
from orders_pipeline.store.engine import reading

StartOption = Annotated[
    datetime | None,
    typer.Option("--start", formats=["%Y-%m-%d"], help="First day. Default: that of the first report."),
]
EndOption = Annotated[
    datetime | None, typer.Option("--end", formats=["%Y-%m-%d"], help="Last day, included. Default: today.")
]


@command
def reconcile_all(
    start: StartOption = None,
    end: EndOption = None,
    examples: Annotated[int, typer.Option(min=1, max=1000, help="Examples of each finding.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Compare payments, refunds and disputes with the provider's reports, and payouts with the bank.

    Exit code 1 if anything is missing, twice, off by an amount, late, unknown or ambiguous.
    """
    settings = load_settings()
    period = _period(settings, start, end, as_json)
    with open_store(settings) as engine, reading(engine) as connection:
        document = reconciliation_document(reconcile(connection, period, examples))
    if as_json:
        emit(document)
    else:
        _show(document)
    if not document["ok"]:
        raise typer.Exit(1)


@command
def export_journal(
    start: Annotated[
        datetime | None, typer.Option("--start", formats=["%Y-%m-%d"], help="First day. Default: all.")
    ] = None,
    end: EndOption = None,
    currency: CurrencyOption = None,
    file_format: FormatOption = None,
    output: OutputOption = None,
    escape_formulas: EscapeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Export double-entry records of payments, refunds, fees and payouts for accounting."""
    settings = load_settings()
    period = _period(settings, start, end, as_json)
    chosen = chosen_format(file_format, output, as_json)
    accounts = accounts_by_name(settings.journal_accounts)
    code = known_currency(currency, as_json)
    with open_store(settings) as engine, reading(engine) as connection:
        rows = journal_rows(connection, period, accounts, code)
        export_table(JOURNAL, rows, chosen, output, escape_formulas=escape_formulas, as_json=as_json)


def _period(settings: Settings, start: datetime | None, end: datetime | None, as_json: bool) -> Period:
    first, last = (moment.date() if moment else None for moment in (start, end))
    if first and last and last < first:
        wrong_usage("days_reversed", "--end is before --start.", as_json)
    return Period(first, last, settings.zone, settings.payout_days)


def _show(document: Document) -> None:
    for name, until in (("reports", "reported_until"), ("bank statements", "bank_until")):
        page.print(f"{name} until {(document[until] or 'none yet')[:10]}", highlight=False)
    for one in document["fine"]:
        page.print(f"[green]{one['state']:>9}[/]  {_line(one)}", highlight=False)
    for one in document["findings"]:
        difference = f"difference {_money(one['difference'], one['currency'])}"
        page.print(f"[bold red]{one['state']:>9}[/]  {_line(one)}, {difference}", highlight=False)
        page.print(f"           {escape(one['action'])}", highlight=False)
        for example in one["examples"]:
            page.print(f"[dim]           {escape(_example(example))}[/]", highlight=False)
    for currency, amount in document["differences"].items():
        page.print(f"not explained by the above: {_money(amount, currency)} {currency}", highlight=False)


def _line(one: Document) -> str:
    subject = one["subject"].replace("_", " ")
    currency = one["currency"]
    expected, found = (_money(one[name], currency) for name in ("expected", "found"))
    amounts = f"expected {expected}, found {found} {currency}"
    return f"{subject:<12} {one['count']:>9,}  {amounts}"


def _money(amount: float, currency: str) -> str:
    return f"{amount:,.{minor_digits(currency)}f}"


def _example(example: Document) -> str:
    return ", ".join(f"{name} {value}" for name, value in example.items())


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    app.command("reconcile")(reconcile_all)
    app.command("journal")(export_journal)
