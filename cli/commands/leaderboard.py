"""`orders leaderboard customers` and `orders leaderboard products`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cli.figures import CurrencyOption, chosen_currency, open_figures_of
from cli.output import JsonOption, command, emit, page
from orders_pipeline.base.settings import load_settings
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.leaderboards.leaderboards import Entry

LimitOption = Annotated[int, typer.Option(min=1, help="Number of places to show.")]
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


@command
def customers(limit: LimitOption = 10, currency: CurrencyOption = None, as_json: JsonOption = False) -> None:
    """Show the customers who spent the most."""
    _show(Board.CUSTOMERS, limit, currency, as_json)


@command
def products(limit: LimitOption = 10, currency: CurrencyOption = None, as_json: JsonOption = False) -> None:
    """Show the products that sold the most units."""
    _show(Board.PRODUCTS, limit, currency, as_json)


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    boards = typer.Typer(
        name="leaderboard",
        help="Top customers by amount spent, and top products by units sold.",
        no_args_is_help=True,
    )
    boards.command("customers")(customers)
    boards.command("products")(products)
    app.add_typer(boards)


def _show(board: Board, limit: int, currency: str | None, as_json: bool) -> None:
    settings = load_settings()
    code = chosen_currency(settings, currency)
    with open_figures_of(settings) as figures:
        entries = figures.boards.top(board, limit, code)
    if as_json:
        emit(entries)
    elif entries:
        page.print(leaderboard_table(entries))
    else:
        page.print(f"No completed orders in {code} yet.")


def leaderboard_table(entries: list[Entry]) -> Table:
    """Makes a table of the entries of a leaderboard."""
    table = Table()
    for name in entries[0]:
        table.add_column(HEADINGS[name], justify="left" if name in WORDS else "right")
    for entry in entries:
        table.add_row(*(escape(_text(value)) for value in entry.values()))
    return table


def _text(value: str | int | float | None) -> str:
    match value:
        case None:
            return ""
        case float():
            return f"{value:,.2f}"
        case int():
            return f"{value:,}"
    return value
