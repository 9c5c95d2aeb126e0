"""Shows figures after an import: KPIs by day, top customers and top products."""

from __future__ import annotations

from datetime import date
from typing import Any

from rich.table import Table

from cli.commands.leaderboard import leaderboard_table
from cli.output import page
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.published_figures import PublishedFigures

TOP = 5


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
