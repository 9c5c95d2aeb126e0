"""Loads a parsed batch: new orders become pending, known ones are duplicates or conflicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Engine, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import OrderStatus, Window
from orders_pipeline.imports.loading.amount_rows import MoreOfOrders
from orders_pipeline.imports.loading.batch_rows import BatchRows, read_batch, stored_quantity
from orders_pipeline.imports.loading.contact_rows import keep_contacts
from orders_pipeline.imports.loading.known_orders import Known, classify, record_conflicts, record_duplicates
from orders_pipeline.lifecycle.batch import Batch, BatchKey, BatchWork, batch_work, get_batch
from orders_pipeline.stock.catalog import UnknownProducts, ensure_products
from orders_pipeline.store.schema import batches, customers, order_lines, orders
from orders_pipeline.store.statements.bulk import insert_frame, prepare_insert
from orders_pipeline.store.statements.order_sets import count_of

PENDING = OrderStatus.PENDING


def load_orders(
    engine: Engine, key: BatchKey, folder: Path, transaction_orders: int, unknown: UnknownProducts
) -> Batch:
    """Writes a batch's orders and lines to the store; returns the batch as it is then.

    Args:
        folder: the folder of the parsed batch.
        unknown: what to do with products that the store does not know.
    """
    batch = get_batch(engine, key)
    if batch.loaded < batch.orders:
        parsed = read_batch(folder, key.number)
        known_ids = ensure_products(engine, parsed.lines, unknown)
        parsed = BatchRows(parsed.orders, parsed.lines.join(known_ids, on="sku", how="left"))
        ensure_customers(engine, parsed.orders)
        keep_contacts(engine, parsed.orders)
        span = _span(parsed.orders)
        for start in range(batch.loaded, batch.orders, transaction_orders):
            _load_part(engine, batch, start, parsed.part(start, transaction_orders), span)
    return get_batch(engine, key)


def _span(parsed: pl.DataFrame) -> dict[str, Any]:
    """Returns the first and the last day and number of a batch, by which searches skip it, as its columns."""
    days, numbers = parsed["day"], parsed["number"]
    return {
        "first_day": days.min(),
        "last_day": days.max(),
        "first_number": numbers.min(),
        "last_number": numbers.max(),
    }


def ensure_customers(engine: Engine, parsed: pl.DataFrame) -> None:
    """Stores the customers of parsed orders or returns, with their latest names."""
    named = (
        parsed.filter(pl.col("customer_id").is_not_null())
        .group_by(pl.col("customer_id").alias("id"))
        .agg(pl.col("customer_name").drop_nulls().last().alias("name"))
        .with_columns(pl.col("name").str.to_lowercase().alias("search_name"))
        .sort("id")
    )
    insert = prepare_insert(
        engine.dialect,
        customers,
        named,
        "ON CONFLICT (id) DO UPDATE SET name = excluded.name, search_name = excluded.search_name "
        "WHERE excluded.name IS NOT NULL AND customers.name IS DISTINCT FROM excluded.name",
    )
    with engine.begin() as connection:
        insert(connection)


def _load_part(engine: Engine, batch: Batch, start: int, parsed: BatchRows, span: dict[str, Any]) -> None:
    insert_orders = prepare_insert(
        engine.dialect,
        orders,
        _order_rows(batch, parsed.orders).sort("number"),
        "ON CONFLICT (source_id, number) DO NOTHING",
    )
    lines, more = _line_rows(batch, parsed.lines), MoreOfOrders.of(batch.first_order_id, parsed.orders)
    insert_lines, checksum = prepare_insert(engine.dialect, order_lines, lines), more.checksum_with(lines)
    window = _window(batch, parsed)
    with engine.begin() as connection, batch_work(connection, batch.key, window) as work:
        if work.batch.loaded != start:
            return
        connection.execute(update(batches).where(batch.key.row).values(span))
        insert_orders(connection)
        known = _known(work, parsed)
        if known.newcomers.len() == parsed.orders.height:
            insert_lines(connection)
        else:
            newcomers = parsed.of(known.newcomers)
            lines = _line_rows(batch, newcomers.lines)
            more = MoreOfOrders.of(batch.first_order_id, newcomers.orders)
            insert_frame(connection, order_lines, lines)
            checksum = more.checksum_with(lines)
            record_duplicates(connection, batch.key.import_id, parsed.of(known.duplicates).orders)
            record_conflicts(connection, batch.key.import_id, parsed.of(known.conflicts))
        more.insert(connection)
        _advance(work, parsed, known, checksum)


def _known(work: BatchWork, parsed: BatchRows) -> Known:
    """Finds the new orders: all were inserted except those whose numbers the store already had."""
    inserted = work.orders_in(*OrderStatus).ids
    if count_of(work.connection, inserted) == parsed.orders.height:
        return Known.none_of(parsed.orders)
    first_id = work.batch.first_order_id
    present = pl.Series([id - first_id for id in work.connection.execute(inserted).scalars()], dtype=pl.Int64)
    return classify(work.connection, work.batch.source_id, parsed, present)


def _order_rows(batch: Batch, parsed: pl.DataFrame) -> pl.DataFrame:
    return parsed.select(
        (pl.col("position") + batch.first_order_id).alias("id"),
        pl.lit(batch.key.import_id).alias("import_id"),
        pl.lit(batch.key.number).alias("batch"),
        pl.lit(batch.source_id).alias("source_id"),
        *("number", "customer_id", "currency", "total", "ordered_at", "day"),
        pl.col("first_line").alias("file_line"),
        pl.lit(now_us()).alias("loaded_at"),
        pl.lit(1).alias("attempt"),
        pl.lit(str(PENDING)).alias("status"),
    )


def _line_rows(batch: Batch, parsed: pl.DataFrame) -> pl.DataFrame:
    return parsed.select(
        (pl.col("position") + batch.first_order_id).alias("order_id"),
        pl.col("line_number").alias("line"),
        "product_id",
        stored_quantity(),
        *("total", "file_line"),
        *(["discount"] if "discount" in parsed.columns else []),
    )


def _window(batch: Batch, parsed: BatchRows) -> Window:
    first = batch.first_order_id + parsed.orders["position"][0]
    return Window(first, first + parsed.orders.height - 1)


def _advance(work: BatchWork, parsed: BatchRows, known: Known, checksum: int) -> None:
    duplicate_lines = parsed.of(known.duplicates).lines.height
    conflict_lines = parsed.of(known.conflicts).lines.height
    work.count(
        loaded=parsed.orders.height,
        pending=known.newcomers.len(),
        accepted_lines=parsed.lines.height - duplicate_lines - conflict_lines,
        duplicate_orders=known.duplicates.len(),
        duplicate_lines=duplicate_lines,
        conflict_orders=known.conflicts.len(),
        conflict_lines=conflict_lines,
        checksum=checksum,
    )
    work.days_are_due(work.orders_in(PENDING).days)
