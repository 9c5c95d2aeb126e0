"""`orders kpis`: daily and range KPIs, and their rebuild."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.figures import CurrencyOption, chosen_currency, open_figures_of
from cli.output import JsonOption, command, emit, page, progress
from cli.stack.stack import running_redis
from orders_pipeline.access.audit import record_action
from orders_pipeline.base.clock import today
from orders_pipeline.base.settings import load_settings
from orders_pipeline.figures.kpis import publisher
from orders_pipeline.figures.kpis.publisher import FiguresElsewhere
from orders_pipeline.figures.published_figures import PublishedFigures

DayOption = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A day, such as 2025-11-10.")]
LABELS = {
    "total_revenue": "revenue",
    "gross_sales": "gross sales",
    "discounts": "discounts",
    "shipping": "shipping",
    "tax": "taxes added",
    "fees": "fees",
    "tips": "tips",
    "unexplained": "unexplained",
    "recorded_revenue": "paid elsewhere",
    "refunded": "refunded in this period",
    "refund_count": "refunds",
    "net_revenue": "net revenue",
    "refunded_of_orders": "refunded of these orders",
    "disputed": "taken back by disputes",
    "dispute_fees": "fees of disputes",
    "order_count": "completed orders",
    "average_order_value": "average order",
    "units_sold": "units sold",
    "unique_customers": "customers",
    "new_customers": "new customers",
    "returning_customers": "returning customers",
    "orders_received": "orders received",
    "orders_failed": "failed",
    "orders_rolled_back": "rolled back",
    "payment_success_rate": "payments accepted",
    "out_of_stock_orders": "out of stock",
    "out_of_stock_revenue": "revenue lost, out of stock",
    "median_seconds_to_settle": "median seconds to settle",
    "p95_seconds_to_settle": "95th percentile, seconds to settle",
}

SHOWN_IF_ANY = {
    "discounts",
    "shipping",
    "tax",
    "fees",
    "tips",
    "unexplained",
    "recorded_revenue",
    "refunded",
    "refund_count",
    "refunded_of_orders",
    "disputed",
    "dispute_fees",
}


@command
def daily(
    date: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="The day, such as 2025-11-10. Default: today."),
    ] = None,
    currency: CurrencyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the KPIs of one day."""
    settings = load_settings()
    day = date.date() if date else today(settings.zone)
    with open_figures_of(settings) as figures:
        document = figures.kpis.daily_kpis(day, chosen_currency(settings, currency))
        others = _other_currencies(figures, document, day, day)
    _show(document, f"{day:%A}, {day}", as_json)
    _tell_others(document, others)


@command
def range_(
    start: DayOption,
    end: DayOption,
    currency: CurrencyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the KPIs of a range of days, including both ends."""
    settings = load_settings()
    first, last = start.date(), end.date()
    if last < first:
        raise CommandFailed("bad_range", f"The end {last} is before the start {first}.")
    code = chosen_currency(settings, currency)
    with open_figures_of(settings) as figures:
        document = figures.kpis.range_kpis(first, last, code)
        days = [] if as_json else figures.kpis.days(first, last, code)
        others = _other_currencies(figures, document, first, last)
    _show(document, f"{first} to {last}", as_json)
    _tell_others(document, others)
    if len(days) > 1:
        page.print(_by_day(days))


@command
def rebuild(as_json: JsonOption = False) -> None:
    """Compute the KPIs of all days again from the orders. The old figures stay readable meanwhile."""
    settings = load_settings()
    with running_redis(settings, say=_say), open_figures_of(settings) as figures:
        _say("Computing the KPIs of all days")
        days = len({item.day for item in figures.rebuild()})
        figures.update_tables()
        with figures.engine.begin() as connection:
            record_action(connection, actor(), "kpis.rebuild", f"{days} days")
    if as_json:
        emit({"days": days})
    else:
        page.print(f"The KPIs of {days:,} days are computed and published.", highlight=False)


@command
def take_over(as_json: JsonOption = False) -> None:
    """Make this home the publisher of KPIs. Run it on the machine where `orders up` will run."""
    settings = load_settings()
    with open_store(settings) as engine, engine.begin() as connection:
        name = publisher.take_over(connection, settings.warehouse)
        record_action(connection, actor(), "kpis.take-over", name)
    if as_json:
        emit({"publisher": name})
    else:
        page.print(
            "This home now publishes the KPIs. The next `orders import` or `orders up` recomputes every day."
        )


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    kpis = typer.Typer(name="kpis", help="KPIs of a day or a range of days.", no_args_is_help=True)
    kpis.command("daily")(daily)
    kpis.command("range")(range_)
    kpis.command("rebuild")(rebuild)
    kpis.command("take-over")(take_over)
    app.add_typer(kpis)


def _other_currencies(
    figures: PublishedFigures, document: dict[str, Any], first: date, last: date
) -> list[str]:
    """Returns the other currencies that have figures for these days."""
    try:
        found = figures.kpis.currencies(first, last)
    except FiguresElsewhere:
        return []
    return [code for code in found if code != document["currency"]]


def _tell_others(document: dict[str, Any], others: list[str]) -> None:
    if not others:
        return
    asked = " or ".join(f"--currency {code}" for code in others)
    if document["orders_received"] or document["refund_count"]:
        progress.print(f"There are figures in other currencies, too: {asked}.", highlight=False)
    else:
        progress.print(f"There are no figures in {document['currency']}. Try {asked}.", highlight=False)


def _say(text: str) -> None:
    progress.print(f"[dim]{text}[/]", highlight=False)


def _show(document: dict[str, Any], period: str, as_json: bool) -> None:
    if as_json:
        emit(document)
        return
    table = Table.grid(padding=(0, 2))
    for name, label in LABELS.items():
        if document[name] is not None and (document[name] or name not in SHOWN_IF_ANY):
            table.add_row(f"  {label}", _text(name, document[name]))
    for reason, number in document["declines_by_reason"].items():
        table.add_row(f"  declined: {reason}", f"{number:,}")
    page.print(f"[bold]{period}[/]  [dim]{document['currency']}[/]", highlight=False)
    page.print(table)


def _by_day(days: list[dict[str, Any]]) -> Table:
    table = Table("day", "revenue", "orders", "customers", "failed", "rolled back")
    for column in table.columns[1:]:
        column.justify = "right"
    names = ("total_revenue", "order_count", "unique_customers", "orders_failed", "orders_rolled_back")
    for document in days:
        table.add_row(document["date"], *(_text(name, document[name]) for name in names))
    return table


def _text(name: str, value: float | int) -> str:
    if name == "payment_success_rate":
        return f"{value:.1%}"
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
