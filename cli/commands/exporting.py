"""`orders results`, `orders list` and `orders export`: export tables."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from cli.context import open_store
from cli.options.export_options import EscapeOption, FormatOption, OutputOption, chosen_format, export_table
from cli.output import JsonOption, command, emit, page, print_whole, progress, wrong_usage
from cli.pages.order_page import orders_table
from orders_pipeline.base.amounts.currency import UnknownCurrencyError, currency_code
from orders_pipeline.base.model import FailureReason, OrderStatus
from orders_pipeline.base.settings import load_settings
from orders_pipeline.exports.datasets import (
    TABLES,
    WITHOUT_CURRENCY,
    WITHOUT_DAYS,
    Dataset,
    Wanted,
    export_rows,
)
from orders_pipeline.exports.order_filter import BadCursorError, OrderFilter, Place, cursor_of, place_of
from orders_pipeline.exports.order_list import ORDER_LIST, all_orders, list_orders, total_of
from orders_pipeline.exports.results import RESULTS, result_rows
from orders_pipeline.exports.table import json_row
from orders_pipeline.imports.import_row import get_import
from orders_pipeline.store.engine import reading
from orders_pipeline.store.identity import store_id

StartOption = Annotated[
    datetime | None, typer.Option("--start", formats=["%Y-%m-%d"], help="First day, such as 2025-11-10.")
]
EndOption = Annotated[
    datetime | None, typer.Option("--end", formats=["%Y-%m-%d"], help="Last day, included.")
]
CurrencyOption = Annotated[
    str | None, typer.Option(help="Only this currency, such as USD.", show_default=False)
]


@command
def results(
    key: Annotated[str, typer.Argument(help="Partition key; `orders files` lists them.")],
    file_format: FormatOption = None,
    output: OutputOption = None,
    escape_formulas: EscapeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Export the outcome of each order of a file, one row for each order, in the order of the file."""
    chosen = chosen_format(file_format, output, as_json)
    with open_store(load_settings()) as engine, reading(engine) as connection:
        rows = result_rows(connection, get_import(connection, key))
        export_table(RESULTS, rows, chosen, output, escape_formulas=escape_formulas, as_json=as_json)


@command
def show_list(
    status: Annotated[OrderStatus | None, typer.Option(help="Only orders with this status.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only orders of the customer with this id.")] = None,
    sku: Annotated[str | None, typer.Option(help="Only orders with this product.")] = None,
    file: Annotated[
        str | None, typer.Option(help="Only orders of this file (its partition key).", metavar="KEY")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Only orders from this source.")] = None,
    reason: Annotated[
        FailureReason | None, typer.Option(help="Only orders whose last attempt failed for this reason.")
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(help="Order number, customer id or transaction id, or the beginning of one."),
    ] = None,
    start: StartOption = None,
    end: EndOption = None,
    currency: CurrencyOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of orders on a page.")] = 50,
    cursor: Annotated[
        str | None,
        typer.Option("--next", help="Show the page after this cursor, which ended the previous page."),
    ] = None,
    file_format: FormatOption = None,
    output: OutputOption = None,
    escape_formulas: EscapeOption = False,
    as_json: JsonOption = False,
) -> None:
    """List and search orders, the newest day first.

    With --format or --output, all matching orders are exported instead of a page.
    """
    wanted = OrderFilter(
        status=status,
        customer=customer,
        sku=sku,
        file=file,
        source=source,
        reason=reason,
        text=text,
        first=start.date() if start else None,
        last=end.date() if end else None,
        currency=known_currency(currency, as_json),
    )
    exports = file_format is not None or output is not None
    chosen = chosen_format(file_format, output, as_json) if exports else None
    with open_store(load_settings()) as engine:
        token = store_id(engine)
        after = _after(cursor, wanted, token, as_json)
        with reading(engine) as connection:
            if chosen:
                rows = all_orders(connection, wanted)
                export_table(
                    ORDER_LIST, rows, chosen, output, escape_formulas=escape_formulas, as_json=as_json
                )
                return
            found, more = list_orders(connection, wanted, limit, after)
            total = total_of(connection, wanted)
    following = cursor_of(more, wanted, token) if more else None
    if as_json:
        emit({"orders": [json_row(ORDER_LIST, row) for row in found], "next": following, "total": total})
    elif found:
        print_whole(orders_table(found))
        progress.print(_more(len(found), total, following), highlight=False)
    else:
        page.print("No matching orders.")


@command
def export(
    dataset: Annotated[Dataset, typer.Argument(help="Table to export.", metavar="TABLE", show_choices=True)],
    start: StartOption = None,
    end: EndOption = None,
    currency: CurrencyOption = None,
    file_format: FormatOption = None,
    output: OutputOption = None,
    escape_formulas: EscapeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Export a table, such as orders, payments, refunds, payouts or daily_kpis.

    docs/data-dictionary.md describes the columns. --start and --end do not apply to products and customers,
    --currency does not apply to products.
    """
    if dataset in WITHOUT_DAYS and (start or end):
        wrong_usage("no_days", f"The table {dataset} has no days. Leave out --start and --end.", as_json)
    if dataset in WITHOUT_CURRENCY and currency:
        wrong_usage("no_currency", f"The table {dataset} has no currency. Leave out --currency.", as_json)
    chosen, settings = chosen_format(file_format, output, as_json), load_settings()
    wanted = Wanted(
        start.date() if start else None,
        end.date() if end else None,
        known_currency(currency, as_json),
        settings.zone,
    )
    with open_store(settings) as engine:
        rows = export_rows(engine, settings.warehouse, dataset, wanted)
        export_table(TABLES[dataset], rows, chosen, output, escape_formulas=escape_formulas, as_json=as_json)


def _more(shown: int, total: int | None, following: str | None) -> str:
    known = f"{shown:,} of {total:,} orders" if total is not None else f"{shown:,} orders"
    return f"{known}. More: the same command with --next {following}" if following else f"{known}."


def _after(cursor: str | None, wanted: OrderFilter, token: str, as_json: bool) -> Place | None:
    try:
        return place_of(cursor, wanted, token) if cursor is not None else None
    except BadCursorError as error:
        wrong_usage("cursor_unknown", f"--next {error}.", as_json)


def known_currency(currency: str | None, as_json: bool) -> str | None:
    """Returns the code of a currency option; refuses an unknown currency."""
    try:
        return currency_code(currency) if currency is not None else None
    except UnknownCurrencyError as error:
        wrong_usage("currency_unknown", f"{error}.", as_json)


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    app.command("results")(results)
    app.command("list")(show_list)
    app.command("export")(export)
