"""Metadata of materialized KPI days and leaderboards in the Dagster UI, without customers' data."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from dagster import MetadataValue, TableColumn, TableRecord, TableSchema

from jobs.console_links import link, link_to_day
from orders_pipeline.figures.kpis import dictionary
from orders_pipeline.figures.kpis.dictionary import Dataset
from orders_pipeline.figures.kpis.refresh import PublishedDay
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.leaderboards.leaderboards import Entry
from orders_pipeline.figures.published_figures import PublishedFigures

PREVIEW_PLACES = 10
NUMBERS_SHOWN = (
    "total_revenue",
    "gross_sales",
    "discounts",
    "recorded_revenue",
    "refunded",
    "refund_count",
    "net_revenue",
    "refunded_of_orders",
    "disputed",
    "order_count",
    "average_order_value",
    "unique_customers",
    "new_customers",
    "units_sold",
    "orders_received",
    "orders_failed",
    "orders_rolled_back",
    "payment_success_rate",
    "out_of_stock_orders",
    "out_of_stock_revenue",
    "median_seconds_to_settle",
    "p95_seconds_to_settle",
)
BOARDS = {Board.CUSTOMERS: dictionary.CUSTOMER_LEADERBOARD, Board.PRODUCTS: dictionary.PRODUCT_LEADERBOARD}
SUMMED = {Board.CUSTOMERS: "total_spent", Board.PRODUCTS: "total_revenue"}
BOARD_COLUMNS = {
    Board.CUSTOMERS: ("rank", "customer_id", "order_count", "total_spent"),
    Board.PRODUCTS: ("rank", "product_sku", "product_name", "total_quantity", "total_revenue", "order_count"),
}


def metadata_by_day(
    published: Iterable[PublishedDay], currency: str, console: str
) -> Iterator[tuple[date, dict[str, Any]]]:
    """Yields the metadata of each published day. Names of figures in another currency end with its code."""
    for day, of_day in groupby(published, key=lambda item: item.day):
        figures = list(of_day)
        shown: dict[str, Any] = {"figures": _explained(figures)} | link_to_day(console, day, currency)
        for item in figures:
            document = item.document
            suffix = "" if item.currency == currency else f"_{item.currency}"
            shown |= {f"{name}{suffix}": document[name] for name in NUMBERS_SHOWN}
            shown[f"declines_by_reason{suffix}"] = MetadataValue.json(item.kpis.declines_by_reason)
        # The UI plots only numbers, so figures without a value are left out.
        yield day, {name: value for name, value in shown.items() if value is not None}


def _explained(figures: Sequence[PublishedDay]) -> MetadataValue[Any]:
    """Returns a table of a day's figures by currency, each with its meaning."""
    documents = [item.document for item in figures]
    currencies = [item.currency for item in figures]
    head = f"| figure | {' | '.join(currencies)} | meaning |\n|---|{'---:|' * len(currencies)}---|"
    rows = [
        f"| {name} | {' | '.join(str(document[name]) for document in documents)} | {definition.meaning} |"
        for name, definition in dictionary.DAILY_KPIS.definitions.items()
        if name in NUMBERS_SHOWN
    ]
    return MetadataValue.md("\n".join([head, *rows]))


def board_metadata(
    figures: PublishedFigures, board: Board, members: dict[str, int], console: str
) -> dict[str, Any]:
    """Returns the members by currency, and the first places in the default currency with their sum."""
    top = figures.boards.top(board, PREVIEW_PLACES, figures.currency)
    return {
        **link(f"{console}/reports?currency={figures.currency}"),
        f"sum_of_top_{PREVIEW_PLACES}": float(sum(entry[SUMMED[board]] for entry in top)),
        "dagster/row_count": sum(members.values()),
        **{f"members_{currency}": number for currency, number in members.items()},
        "top": _table(BOARD_COLUMNS[board], BOARDS[board], top),
    }


def _table(names: Sequence[str], dataset: Dataset, entries: list[Entry]) -> MetadataValue[Any]:
    records = [TableRecord({name: entry[name] for name in names}) for entry in entries]
    definitions = ((name, dataset.definitions[name]) for name in names)
    columns = [TableColumn(name, definition.type, definition.meaning) for name, definition in definitions]
    return MetadataValue.table(records, TableSchema(columns=columns))
