"""Prints figures for people: KPIs by day, and leaderboards."""

from __future__ import annotations

from datetime import date
from typing import Any

from rich.markup import escape
from rich.table import Table

from cli.output import page
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.leaderboards.leaderboards import Entry
from orders_pipeline.figures.published_figures import PublishedFigures

TOP = 5
HEADINGS = {
    "rank": "rank",
    "customer_id": "customer",
    "customer_name": "name",
    "product_sku": "SKU",
    "product_name": "product",
    "total_quantity": "units",
    "order_count": "orders",
    "total_spent": "spent",
    "total_revenue": "revenue",
}
WORDS = ("customer_id", "customer_name", "product_sku", "product_name")


def show_figures(figures: PublishedFigures, first: date, last: date) -> None:
    """Prints the days of a range that have orders, and the top of both leaderboards."""
    currency = figures.currency
    days = figures.kpis.days(first, last, currency)
    if days:
        page.print(f"\n[bold]KPIs by day[/]  [dim]{currency}[/]")
        page.print(_by_day([*days, figures.kpis.range_kpis(first, last, currency)]))
    for board, title in ((Board.CUSTOMERS, "Top customers"), (Board.PRODUCTS, "Top products")):
        if entries := figures.boards.top(board, TOP, currency):
            page.print(f"\n[bold]{title}[/]")
            page.print(leaderboard_table(entries))


def leaderboard_table(entries: list[Entry]) -> Table:
    """Returns a table of the entries of a leaderboard."""
    table = Table()
    for name in entries[0]:
        table.add_column(HEADINGS[name], justify="left" if name in WORDS else "right")
    for entry in entries:
        table.add_row(*(escape(_cell(name, value)) for name, value in entry.items()))
    return table


def _by_day(documents: list[dict[str, Any]]) -> Table:
    table = Table("day", "revenue", "orders", "average", "customers", "failed", "rolled back")
    for column in table.columns[1:]:
        column.justify = "right"
    for document in documents:
        table.add_row(
            document.get("date", "total"),
            f"{document['total_revenue']:,.2f}",
            f"{document['order_count']:,}",
            f"{document['average_order_value']:,.2f}",
            f"{document['unique_customers']:,}",
            f"{document['orders_failed']:,}",
            f"{document['orders_rolled_back']:,}",
        )
    return table


def _cell(name: str, value: str | int | float | None) -> str:
    # Units have decimals only if goods are sold by weight.
    return f"{value:,}" if name == "total_quantity" else _text(value)


def _text(value: str | int | float | None) -> str:
    match value:
        case None:
            return ""
        case float():
            return f"{value:,.2f}"
        case int():
            return f"{value:,}"
    return value
