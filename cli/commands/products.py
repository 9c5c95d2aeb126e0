"""`orders products`: the product list and its stock."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.output import JsonOption, command, emit, page
from orders_pipeline.access.audit import record_action
from orders_pipeline.base.amounts.quantities import QUANTITY_DIGITS, Units, is_countable, quantity_number
from orders_pipeline.base.settings import load_settings
from orders_pipeline.stock.low_stock import set_low_stock
from orders_pipeline.stock.product_list import (
    MOST_UNITS,
    UnknownProductError,
    import_products,
    list_products,
    read_products,
)
from orders_pipeline.stock.product_list import restock as put_on_shelf
from orders_pipeline.store.engine import reading

LEAST_UNITS = Decimal("0.001")


@command
def import_list(
    file: Annotated[
        Path, typer.Argument(help="CSV with sku, name, price, stock_quantity and, optionally, category.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Import a product list. Products that already exist keep their stock."""
    rows = read_products(file)
    with open_store(load_settings()) as engine, engine.begin() as connection:
        done = import_products(connection, rows)
        record_action(connection, actor(), "products.import", file.name, **asdict(done))
    if as_json:
        emit(done)
    else:
        page.print(f"{done.added} products added, {done.updated} updated, {done.unchanged} unchanged.")


@command
def list_(
    text: Annotated[str | None, typer.Option(help="Only with this text in SKU or name.")] = None,
    low: Annotated[
        int | None, typer.Option(min=0, help="Only products with at most this many units on hand.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Number of products.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List products with their stock."""
    with open_store(load_settings()) as engine, reading(engine) as connection:
        found = list_products(connection, text, low, limit)
    if as_json:
        emit([asdict(product) for product in found])
        return
    table = Table(box=SIMPLE, pad_edge=False)
    for name in ("SKU", "name", "category"):
        table.add_column(name, overflow="fold")
    for name in ("price", "on hand", "reserved", "sold"):
        table.add_column(name, justify="right", no_wrap=True)
    for product in found:
        units = (product.on_hand, product.reserved, product.sold)
        texts = (escape(text or "") for text in (product.sku, product.name, product.category))
        table.add_row(*texts, product.price or "", *map(str, units))
    page.print(table if found else "No matching products.")


@command
def restock(
    sku: Annotated[str, typer.Argument(help="SKU of the product.")],
    units: Annotated[str, typer.Argument(help="Number of units to add, such as 12 or 2.5.")],
    as_json: JsonOption = False,
) -> None:
    """Add units to the stock of a product."""
    added = _units(units)
    with open_store(load_settings()) as engine, engine.begin() as connection:
        try:
            on_hand = quantity_number(put_on_shelf(connection, sku, added))
        except UnknownProductError:
            raise _unknown(sku) from None
        record_action(
            connection, actor(), "products.restock", sku, units=quantity_number(added), on_hand=on_hand
        )
    if as_json:
        emit({"sku": sku, "restocked": quantity_number(added), "on_hand": on_hand})
    else:
        page.print(f"{escape(sku)}: {on_hand:,} units on hand.")


@command
def threshold(
    sku: Annotated[str, typer.Argument(help="SKU of the product.")],
    units: Annotated[
        str, typer.Argument(help="Units, such as 12 or 2.5, or `default` for ORDERS_LOW_STOCK.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Set the stock at which the event stock.low is sent for a product."""
    low = None if units == "default" else _units(units, least=Decimal(0))
    shown = None if low is None else quantity_number(low)
    with open_store(load_settings()) as engine, engine.begin() as connection:
        try:
            set_low_stock(connection, sku, low)
        except UnknownProductError:
            raise _unknown(sku) from None
        record_action(connection, actor(), "products.threshold", sku, low_stock=shown)
    if as_json:
        emit({"sku": sku, "low_stock": shown})
    elif low is None:
        page.print(f"{escape(sku)}: ORDERS_LOW_STOCK applies.")
    else:
        page.print(f"{escape(sku)}: stock is low at {shown:,} units on hand or fewer.")


def _unknown(sku: str) -> CommandFailed:
    hint = "`orders products import FILE` adds products."
    return CommandFailed("unknown_product", f"No product has the SKU {sku!r}.", hint)


def _units(text: str, least: Decimal = LEAST_UNITS) -> Units:
    try:
        units = Decimal(text)
    except ArithmeticError:
        units = Decimal(-1)
    if not units.is_finite() or not least <= units <= MOST_UNITS or not is_countable(units):
        raise typer.BadParameter(
            f"{text!r} is not a number from {least} to {MOST_UNITS:,}, with at most "
            f"{QUANTITY_DIGITS} decimals.",
            param_hint="UNITS",
        )
    return units


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    products = typer.Typer(help="The product list and its stock.", no_args_is_help=True)
    products.command("list")(list_)
    products.command("import")(import_list)
    products.command("restock")(restock)
    products.command("threshold")(threshold)
    app.add_typer(products, name="products")
