"""The numbers that every tool must show: those of the API, in each currency."""

# ruff: noqa: S608 the values are those of this file
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.published_figures import PublishedFigures
from tests.made_up.four_currencies import CURRENCIES, DAYS

# A query for rows that both DuckDB and PostgreSQL accept.
Ask = Callable[[str], list[Any]]
KPIS = ("total_revenue", "order_count", "refunded", "net_revenue", "unique_customers", "new_customers")
BOARDS = {
    Board.CUSTOMERS: ("customer_leaderboard", "customer_id", "total_spent"),
    Board.PRODUCTS: ("product_leaderboard", "product_sku", "total_quantity"),
}


def assert_says_what_the_api_says(home: PublishedFigures, ask: Ask) -> None:
    """Compares daily figures, sums of orders and of money back, and leaderboards."""
    for currency in CURRENCIES:
        for day in DAYS:
            expected = home.kpis.compute_day(day, currency)
            of_day = f"WHERE day = DATE '{day}' AND currency = '{currency}'"
            found = numbers(ask(f"SELECT {', '.join(KPIS)} FROM daily_kpis {of_day}"))
            assert found in (
                [[expected[name] for name in KPIS]],
                [] if not expected["orders_received"] else None,
            )
            completed = f"{of_day} AND status = 'completed'"
            [[revenue, count]] = numbers(ask(f"SELECT sum(total), count(*) FROM orders {completed}"))
            assert (revenue or 0, count) == (expected["total_revenue"], expected["order_count"])
            went_back = f"SELECT sum(amount) FROM refunds {completed} AND kind <> 'dispute'"
            assert (numbers(ask(went_back))[0][0] or 0) == expected["refunded"]
        for board, (table, member, score) in BOARDS.items():
            home.boards.rebuild_all(board)
            shown = home.boards.top(board, 10, currency)
            query = f"SELECT rank, {member}, {score} FROM {table} WHERE currency = '{currency}' ORDER BY rank"
            assert numbers(ask(query)) == [[place["rank"], place[member], place[score]] for place in shown]


def numbers(rows: list[Any]) -> list[list[Any]]:
    """Rows with numbers instead of decimals."""
    return [[_number(value) for value in row] for row in rows]


def _number(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else float(value)
