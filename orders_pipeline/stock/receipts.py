"""Receipts of stock: every number of units that was ever added to a product."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Select, func, literal, select

from orders_pipeline.base.amounts.quantities import Units
from orders_pipeline.base.clock import now_us
from orders_pipeline.store.schema import products, stock_receipts
from orders_pipeline.store.statements.upsert import insert_into

_COLUMNS = ["product_id", "number", "units", "received_at"]


def note_receipt(connection: Connection, sku: str, units: Units) -> None:
    """Notes units that were added to a product, whose row is locked; nothing if there are none."""
    if units:
        received = select(products.c.id, literal(units, stock_receipts.c.units.type))
        note_receipts(connection, received.where(products.c.sku == sku))


def note_receipts(connection: Connection, received: Select[*tuple[Any, ...]]) -> None:
    """Notes the units of a query of product ids and units, a row for each product; their rows are locked."""
    product_id, units = received.subquery().columns.values()
    earlier = select(func.count()).where(stock_receipts.c.product_id == product_id).scalar_subquery()
    rows = select(product_id, earlier + 1, units, literal(now_us()))
    connection.execute(insert_into(connection, stock_receipts).from_select(_COLUMNS, rows))


def note_first_receipts(connection: Connection, skus: Collection[str]) -> None:
    """Notes the initial stock of products that were created with stock, unless another process did."""
    with_stock = select(products.c.id, literal(1), products.c.initial_stock, literal(now_us())).where(
        products.c.sku.in_(skus), products.c.initial_stock > 0
    )
    new = insert_into(connection, stock_receipts).from_select(_COLUMNS, with_stock)
    connection.execute(new.on_conflict_do_nothing())
