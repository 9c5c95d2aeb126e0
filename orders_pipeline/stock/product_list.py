"""Imports product lists from files, and restocks single products."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, or_, select, update

from orders_pipeline.base.amounts.money import line_amount
from orders_pipeline.base.amounts.quantities import QUANTITY_DIGITS, Units, is_countable, quantity_number
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.stock.receipts import note_receipt
from orders_pipeline.store.schema import products
from orders_pipeline.store.statements.upsert import insert_into

COLUMNS = ("sku", "name", "price", "stock_quantity")
CATEGORY = "category"
PRICE_UNITS = 10_000
MOST_UNITS = 10**12
MOST_PRICE = 10**12 * PRICE_UNITS


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product in a product list; price in 1/10,000, stock in units.

    `category` is None if the list has no such column, and empty if the product has none.
    """

    sku: str
    name: str
    price: int
    stock: Units
    category: str | None = None


@dataclass(frozen=True, slots=True)
class ProductImport:
    """Counts of an imported product list."""

    added: int
    updated: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class ProductStock:
    """A product with its list price, a decimal string, and its units."""

    sku: str
    name: str | None
    price: str | None
    on_hand: int | float
    reserved: int | float
    sold: int | float
    category: str | None
    low_stock: int | float | None


class UnknownProductError(LookupError):
    """The store has no product with this SKU."""


def read_products(file: Path) -> list[ProductRow]:
    """Reads the products of a CSV file with the columns sku, name, price and stock_quantity.

    A column category is optional.

    Raises:
        FileRefused: the file or one of its lines cannot be read; the message names the line.
    """
    try:
        return products_in(file.read_bytes(), str(file))
    except OSError as error:
        raise _unreadable(str(file), error.strerror or str(error)) from error


def products_in(content: bytes, file: str) -> list[ProductRow]:
    """The products of the content of such a file, whose name is for messages.

    Raises:
        FileRefused: as `read_products`.
    """
    try:
        rows = csv.DictReader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or [])]
        if missing:
            raise _refused(file, f"has no column {missing[0]!r}", f"Required columns: {', '.join(COLUMNS)}.")
        return [_product(file, rows.line_num, row) for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(file, str(error)) from error


def _product(file: str, line: int, row: dict[str, str]) -> ProductRow:
    try:
        price, stock = Decimal(row["price"]) * PRICE_UNITS, Decimal(row["stock_quantity"])
    except (ArithmeticError, TypeError, ValueError):
        raise _refused(
            file, f"has a price or stock on line {line} that is not a number", "Write 25.50 and 1000."
        ) from None
    sku = (row["sku"] or "").strip()
    if not sku or not price.is_finite() or not 0 <= price <= MOST_PRICE or price != int(price):
        raise _refused(
            file,
            f"has no SKU or an invalid price on line {line}",
            "A price has at most four decimals and is not negative.",
        )
    if not stock.is_finite() or not 0 <= stock <= MOST_UNITS or not is_countable(stock):
        hint = f"Write 0 to {MOST_UNITS:,} units, with at most {QUANTITY_DIGITS} decimals."
        raise _refused(file, f"has an invalid stock on line {line}", hint)
    category = (row[CATEGORY] or "").strip() if CATEGORY in row else None
    return ProductRow(sku, (row["name"] or "").strip(), int(price), stock, category)


def _unreadable(file: str, reason: str) -> FileRefused:
    return _refused(file, f"cannot be read: {reason}", "Save it as CSV in UTF-8.")


def _refused(file: str, what: str, hint: str) -> FileRefused:
    return FileRefused("products_unreadable", f"The product list {file} {what}.", hint)


def import_products(connection: Connection, rows: list[ProductRow]) -> ProductImport:
    """Adds new products with their stock; updates known ones, which keep their stock.

    A product that was created by an order, and is in no list yet, gets the stock of the list.
    """
    counts = {"added": 0, "updated": 0, "unchanged": 0}
    # Lock order: known products by id, as the steps of an import lock them, then new ones by SKU. Locking
    # in the order of the file could deadlock with an import or another list.
    known = select(products.c.id).where(products.c.sku.in_([row.sku for row in rows]))
    connection.execute(known.order_by(products.c.id).with_for_update())
    for row in sorted(rows, key=lambda row: row.sku):
        counts[_import_product(connection, row)] += 1
    return ProductImport(**counts)


def _import_product(connection: Connection, row: ProductRow) -> str:
    stock: dict[str, Any] = {"initial_stock": row.stock, "on_hand": row.stock}
    new = insert_into(connection, products).values(
        sku=row.sku, name=row.name, price=row.price, listed=True, category=row.category or None, **stock
    )
    if connection.execute(new.on_conflict_do_nothing()).rowcount:
        note_receipt(connection, row.sku, row.stock)
        return "added"
    known = connection.execute(select(products).where(products.c.sku == row.sku).with_for_update()).one()
    wanted = listed_as(row, known.category)
    if known.listed and all(known._mapping[name] == value for name, value in wanted.items()):
        return "unchanged"
    more = {} if known.listed else {name: products.c[name] + units for name, units in stock.items()}
    if more:
        note_receipt(connection, row.sku, row.stock)
    connection.execute(
        update(products).where(products.c.id == known.id).values(**wanted, listed=True, **more)
    )
    return "updated"


def listed_as(row: ProductRow, known_category: str | None) -> dict[str, Any]:
    """Name, price and category of a product after the import of the list."""
    category = known_category if row.category is None else row.category or None
    return {"name": row.name, "price": row.price, "category": category}


def restock(connection: Connection, sku: str, units: Units) -> Units:
    """Adds units to a product's stock and returns the units on hand.

    Raises:
        UnknownProductError: there is no such product.
    """
    statement = (
        update(products)
        .where(products.c.sku == sku)
        .values(restocked=products.c.restocked + units, on_hand=products.c.on_hand + units)
        .returning(products.c.on_hand)
    )
    on_hand: Units | None = connection.execute(statement).scalar_one_or_none()
    if on_hand is None:
        raise UnknownProductError(f"no product has the SKU {sku!r}")
    note_receipt(connection, sku, units)
    return on_hand


def find_product(connection: Connection, sku: str) -> ProductStock | None:
    """The product with a SKU, if there is one."""
    found = stocks_of(connection, STOCKS.where(products.c.sku == sku))
    return found[0] if found else None


def list_products(
    connection: Connection, text: str | None, low: int | None, limit: int, after: str | None = None
) -> list[ProductStock]:
    """Products by SKU.

    Args:
        text: part of the SKU or the name, without case.
        low: only products with at most this number of units on hand.
        after: only products with a later SKU.
    """
    table = products.c
    query = STOCKS
    if text:
        query = query.where(
            or_(*(column.icontains(text, autoescape=True) for column in (table.sku, table.name)))
        )
    if low is not None:
        query = query.where(table.on_hand <= low)
    if after is not None:
        query = query.where(table.sku > after)
    return stocks_of(connection, query.order_by(table.sku).limit(limit))


def stocks_of(connection: Connection, query: Select[Any]) -> list[ProductStock]:
    """The products that a query of `STOCKS` finds."""
    return [
        ProductStock(
            sku=row.sku,
            name=row.name,
            price=line_amount(row.price) if row.price is not None else None,
            on_hand=quantity_number(row.on_hand),
            reserved=quantity_number(row.reserved),
            sold=quantity_number(row.sold),
            category=row.category,
            low_stock=None if row.low_stock is None else quantity_number(row.low_stock),
        )
        for row in connection.execute(query)
    ]


STOCKS = select(
    products.c.sku,
    products.c.name,
    products.c.price,
    products.c.on_hand,
    products.c.reserved,
    products.c.sold,
    products.c.category,
    products.c.low_stock,
)
