"""`orders leaderboard customers` and `orders leaderboard products`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.figures import CurrencyOption, chosen_currency, open_figures_of
from cli.output import JsonOption, command, emit, page
from cli.pages.figures_page import leaderboard_table
from orders_pipeline.base.settings import load_settings
from orders_pipeline.figures.leaderboards.boards import Board

LimitOption = Annotated[int, typer.Option(min=1, help="Number of places to show.")]


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
