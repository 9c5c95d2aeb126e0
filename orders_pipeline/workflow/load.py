"""Load a parsed batch: new orders enter as pending, known ones are duplicates or conflicts."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from sqlalchemy import Connection, Engine, select, update

from orders_pipeline.clock import now_us
from orders_pipeline.model import OrderStatus, Window
from orders_pipeline.store.bulk import insert_frame
from orders_pipeline.store.schema import batches, customers, imports, order_lines, orders
from orders_pipeline.workflow.batch import (
    Batch,
    BatchKey,
    count_moves,
    count_of,
    get_batch,
    lock_batch,
    mark_days,
)
from orders_pipeline.workflow.batch_rows import BatchRows, read_batch
from orders_pipeline.workflow.catalog import UnknownProducts, ensure_products
from orders_pipeline.workflow.known_orders import Known, classify, record_conflicts

PENDING = OrderStatus.PENDING


def load_orders(
    engine: Engine, key: BatchKey, folder: Path, transaction_orders: int, unknown: UnknownProducts
) -> Batch:
    """Writes a batch's orders and lines to the store; the batch afterwards.

    Args:
        folder: where the importer wrote the batch.
        unknown: what to do with products that the store does not know.
    """
    batch = get_batch(engine, key)
    if batch.loaded < batch.orders:
        parsed = read_batch(folder, key.number)
        known_ids = ensure_products(engine, parsed.lines, unknown)
        parsed = BatchRows(parsed.orders, parsed.lines.join(known_ids, on="sku", how="left"))
        _ensure_customers(engine, parsed.orders)
        for start in range(batch.loaded, batch.orders, transaction_orders):
            _load_part(engine, batch, start, parsed.part(start, transaction_orders))
    return get_batch(engine, key)


def _ensure_customers(engine: Engine, parsed: pl.DataFrame) -> None:
    named = (
        parsed.filter(pl.col("customer_id").is_not_null())
        .group_by(pl.col("customer_id").alias("id"))
        .agg(pl.col("customer_name").drop_nulls().last().alias("name"))
        .sort("id")
    )
    with engine.begin() as connection:
        insert_frame(
            connection,
            customers,
            named,
            "ON CONFLICT (id) DO UPDATE SET name = excluded.name "
            "WHERE excluded.name IS NOT NULL AND customers.name IS DISTINCT FROM excluded.name",
        )


def _load_part(engine: Engine, batch: Batch, start: int, parsed: BatchRows) -> None:
    with engine.begin() as connection:
        if lock_batch(connection, batch.key).loaded != start:
            return
        known = _insert_orders(connection, batch, parsed)
        newcomers = parsed.of(known.newcomers)
        _insert_lines(connection, batch, newcomers.lines)
        record_conflicts(connection, batch.key.import_id, parsed.of(known.conflicts))
        _advance(connection, batch, start, parsed, known, newcomers)


def _insert_orders(connection: Connection, batch: Batch, parsed: BatchRows) -> Known:
    source_id = connection.execute(
        select(imports.c.source_id).where(imports.c.id == batch.key.import_id)
    ).scalar_one()
    rows = parsed.orders.select(
        (pl.col("position") + batch.first_order_id).alias("id"),
        pl.lit(batch.key.import_id).alias("import_id"),
        pl.lit(batch.key.number).alias("batch"),
        pl.lit(source_id).alias("source_id"),
        *("number", "customer_id", "currency", "total", "ordered_at", "day"),
        pl.col("first_line").alias("file_line"),
        pl.lit(now_us()).alias("loaded_at"),
        pl.lit(1).alias("attempt"),
        pl.lit(str(PENDING)).alias("status"),
    )
    insert_frame(connection, orders, rows.sort("number"), "ON CONFLICT (source_id, number) DO NOTHING")
    window = _window(batch, parsed)
    inserted = select(orders.c.id).where(orders.c.id.between(window.first, window.last))
    if count_of(connection, inserted) == rows.height:
        return Known.none_of(parsed.orders)
    present = pl.Series(
        [row.id - batch.first_order_id for row in connection.execute(inserted)], dtype=pl.Int64
    )
    return classify(connection, source_id, parsed, present)


def _window(batch: Batch, parsed: BatchRows) -> Window:
    first = batch.first_order_id + parsed.orders["position"][0]
    return Window(first, first + parsed.orders.height - 1)


def _insert_lines(connection: Connection, batch: Batch, lines: pl.DataFrame) -> None:
    rows = lines.select(
        (pl.col("position") + batch.first_order_id).alias("order_id"),
        pl.col("line_number").alias("line"),
        *("product_id", "quantity", "total", "file_line"),
    )
    insert_frame(connection, order_lines, rows)


def _advance(
    connection: Connection,
    batch: Batch,
    start: int,
    parsed: BatchRows,
    known: Known,
    newcomers: BatchRows,
) -> None:
    end = start + parsed.orders.height
    connection.execute(
        update(batches)
        .where(batches.c.import_id == batch.key.import_id, batches.c.number == batch.key.number)
        .values(loaded=end)
    )
    count_moves(
        connection,
        batch.key,
        {PENDING: newcomers.orders.height},
        accepted_lines=newcomers.lines.height,
        duplicate_orders=known.duplicates.len(),
        duplicate_lines=parsed.of(known.duplicates).lines.height,
        conflict_orders=known.conflicts.len(),
        conflict_lines=parsed.of(known.conflicts).lines.height,
    )
    window = _window(batch, parsed)
    mark_days(connection, select(orders.c.day).where(orders.c.id.between(window.first, window.last)))
