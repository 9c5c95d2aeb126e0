"""`orders products`: the product list and its stock."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from cli.context import actor, open_store
from cli.output import CommandFailed, JsonOption, command, emit, page
from orders_pipeline.access.audit import record_action
from orders_pipeline.base.settings import load_settings
from orders_pipeline.stock.product_list import (
    UnknownProductError,
    import_products,
    list_products,
    read_products,
)
from orders_pipeline.stock.product_list import restock as put_on_shelf
from orders_pipeline.store.engine import reading


@command
def import_list(
    file: Annotated[Path, typer.Argument(help="CSV with sku, name, price and stock_quantity.")],
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
    low: Annotated[int | None, typer.Option(min=0, help="Only with at most so many units on hand.")] = None,
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
    for name in ("SKU", "name"):
        table.add_column(name, overflow="fold")
    for name in ("price", "on hand", "reserved", "sold"):
        table.add_column(name, justify="right", no_wrap=True)
    for product in found:
        units = (product.on_hand, product.reserved, product.sold)
        table.add_row(escape(product.sku), escape(product.name or ""), product.price or "", *map(str, units))
    page.print(table if found else "No matching products.")


@command
def restock(
    sku: Annotated[str, typer.Argument(help="SKU of the product.")],
    units: Annotated[int, typer.Argument(help="Number of units to add.", min=1, max=10**12)],
    as_json: JsonOption = False,
) -> None:
    """Add units to the stock of a product."""
    with open_store(load_settings()) as engine, engine.begin() as connection:
        try:
            on_hand = put_on_shelf(connection, sku, units)
        except UnknownProductError:
            hint = "`orders products import FILE` adds products."
            raise CommandFailed("unknown_product", f"No product has the SKU {sku!r}.", hint) from None
        record_action(connection, actor(), "products.restock", sku, units=units, on_hand=on_hand)
    if as_json:
        emit({"sku": sku, "restocked": units, "on_hand": on_hand})
    else:
        page.print(f"{escape(sku)}: {on_hand:,} units on hand.")


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    products = typer.Typer(help="The product list and its stock.", no_args_is_help=True)
    products.command("list")(list_)
    products.command("import")(import_list)
    products.command("restock")(restock)
    app.add_typer(products, name="products")
