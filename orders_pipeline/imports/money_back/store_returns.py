"""Stores the returns of a parsed file: they reduce figures on their own day, and restock their units."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
from sqlalchemy import Connection, Engine, func, select

from orders_pipeline.base.clock import now_us
from orders_pipeline.imports.loading.batch_rows import BatchRows, read_returns, stored_quantity
from orders_pipeline.imports.loading.known_orders import (
    STORED_RETURNS,
    Known,
    classify,
    record_duplicates,
    reject_whole,
)
from orders_pipeline.imports.loading.load import ensure_customers
from orders_pipeline.imports.money_back.order_returns import (
    counted_of_orders,
    lock_source,
    naming_orders,
    standing_alone,
    store_order_returns,
)
from orders_pipeline.lifecycle.totals import (
    take_returns_from_customer_totals,
    take_returns_from_product_totals,
)
from orders_pipeline.order_files.reject_codes import RejectCode
from orders_pipeline.stock.catalog import UnknownProducts, ensure_products, product_ids
from orders_pipeline.stock.units import note_units, restock_returned
from orders_pipeline.store.kpi_days import mark_days
from orders_pipeline.store.schema import products, return_lines, returns
from orders_pipeline.store.statements.bulk import insert_frame
from orders_pipeline.store.statements.planner import any_join


def prepare_returns(engine: Engine, folder: Path, unknown: UnknownProducts) -> None:
    """Stores the products and customers of the returns of a parsed file, in transactions of their own."""
    for rows in map(standing_alone, read_returns(folder)):
        ensure_products(engine, rows.lines, unknown)
        ensure_customers(engine, rows.orders)


def store_returns(connection: Connection, import_id: int, source_id: int, folder: Path) -> dict[str, int]:
    """Stores the returns of a parsed file, with all that follows from them; returns counts for `imports`.

    The caller has locked the import, so they are stored once. Returns that the store has are duplicates or
    conflicts. Those of a product that no list has are rejected, and those that were counted with their order.
    Those that name an order are booked later.
    """
    counts: Counter[str] = Counter()
    lock_source(connection, source_id)
    for rows in read_returns(folder):
        counts.update(_store(connection, import_id, source_id, standing_alone(rows)))
    if counts["returns"]:
        _apply(connection, import_id)
    for rows in filter(None, map(naming_orders, read_returns(folder))):
        counts.update(store_order_returns(connection, import_id, source_id, rows))
    return dict(counts)


def _store(connection: Connection, import_id: int, source_id: int, parsed: BatchRows) -> dict[str, int]:
    ids = product_ids(connection, parsed.lines["sku"].unique())
    parsed = BatchRows(parsed.orders, parsed.lines.join(ids, on="sku", how="left"))
    unlisted = _with_unlisted_products(connection, parsed)
    rows = parsed.without(unlisted)
    counted = counted_of_orders(connection, source_id, rows)
    rows = rows.without(counted)
    known = _insert_new(connection, import_id, source_id, rows)
    refused = {
        RejectCode.ORDER_CONFLICT: parsed.of(known.conflicts),
        RejectCode.RETURN_OF_UNKNOWN_PRODUCT: parsed.of(unlisted),
        RejectCode.RETURN_COUNTED_BEFORE: parsed.of(counted),
    }
    for code, of_code in refused.items():
        if of_code.orders.height:
            reject_whole(connection, import_id, of_code, code)
    stored, duplicates = parsed.of(known.newcomers), parsed.of(known.duplicates)
    record_duplicates(connection, import_id, duplicates.orders, returned=True)
    return {
        "returns": stored.orders.height,
        "return_lines": stored.lines.height,
        "duplicate_returns": duplicates.orders.height,
        "duplicate_return_lines": duplicates.lines.height,
        "refused_returns": sum(of_code.orders.height for of_code in refused.values()),
        "refused_return_lines": sum(of_code.lines.height for of_code in refused.values()),
    }


def _with_unlisted_products(connection: Connection, parsed: BatchRows) -> pl.Series:
    """The positions of returns with a product that is in no product list."""
    unlisted = connection.execute(select(products.c.id).where(~products.c.listed)).scalars().all()
    return parsed.lines.filter(pl.col("product_id").is_in(unlisted))["position"].unique()


def _insert_new(connection: Connection, import_id: int, source_id: int, rows: BatchRows) -> Known:
    heads = rows.orders.sort("number").select(
        pl.lit(import_id).alias("import_id"),
        pl.lit(source_id).alias("source_id"),
        *("number", "customer_id", "currency", "total"),
        pl.col("ordered_at").alias("returned_at"),
        "day",
        pl.col("first_line").alias("file_line"),
        pl.lit(now_us()).alias("loaded_at"),
    )
    insert_frame(connection, returns, heads, "ON CONFLICT (source_id, number) DO NOTHING")
    stored = connection.execute(
        select(returns.c.number, returns.c.id).where(returns.c.import_id == import_id)
    ).all()
    ids = pl.DataFrame([tuple(row) for row in stored], {"number": pl.String, "id": pl.Int64}, orient="row")
    new = rows.orders.join(ids, on="number").select("position", "id")
    lines = rows.lines.join(new, on="position").sort("position", "line_number")
    columns = (pl.col("id").alias("return_id"), pl.col("line_number").alias("line"), "product_id")
    insert_frame(connection, return_lines, lines.select(*columns, stored_quantity(), "total", "file_line"))
    return classify(connection, source_id, rows, new["position"], STORED_RETURNS)


def _apply(connection: Connection, import_id: int) -> None:
    """Moves totals, stock and days once all returns of the import are stored."""
    stored = select(returns.c.id).where(returns.c.import_id == import_id)
    units = (
        select(return_lines.c.product_id, func.sum(return_lines.c.quantity))
        .where(return_lines.c.return_id.in_(stored))
        .group_by(return_lines.c.product_id)
    )
    take_returns_from_customer_totals(connection, stored)
    restock_returned(connection, note_units(connection, units))
    with any_join(connection):
        take_returns_from_product_totals(connection, stored)
    days = select(returns.c.day).where(returns.c.import_id == import_id).distinct()
    mark_days(connection, connection.execute(days).scalars().all())
