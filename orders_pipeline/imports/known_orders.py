"""Orders that the store already has: a duplicate if the content is the same, otherwise a conflict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlalchemy import Connection, insert, select

from orders_pipeline.base.clock import now_us
from orders_pipeline.imports.batch_rows import BatchRows
from orders_pipeline.imports.rejects import item_of_record
from orders_pipeline.order_files.records.content import place_in
from orders_pipeline.order_files.reject_codes import EXPLANATIONS, RejectCode
from orders_pipeline.store.bulk import insert_frame
from orders_pipeline.store.schema import imports, order_lines, order_notes, orders, rejects

CHUNK = 10_000
CONTENT = ("customer_id", "currency", "total", "ordered_at", "goods")


@dataclass(frozen=True, slots=True)
class Known:
    """Positions of a batch's orders: new ones, duplicates and conflicts."""

    newcomers: pl.Series
    duplicates: pl.Series
    conflicts: pl.Series

    @classmethod
    def none_of(cls, parsed: pl.DataFrame) -> Known:
        """All of these orders are new."""
        none = pl.Series("position", [], dtype=pl.Int64)
        return cls(parsed["position"], none, none)


def classify(connection: Connection, source_id: int, parsed: BatchRows, newcomers: pl.Series) -> Known:
    """Compares the orders that are not new with those of the same number in the store.

    Date, customer, currency and goods are compared; names and the sequence of the lines are not.
    """
    rest = parsed.orders.join(newcomers.alias("position").to_frame(), on="position", how="anti")
    lines = parsed.lines.join(rest.select("position", "number"), on="position")
    incoming = rest.join(_goods(lines), on="number").select("position", "number", *CONTENT)
    stored = _stored_orders(connection, source_id, rest["number"])
    pairs = incoming.join(stored, on="number", how="left", suffix="_stored")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_stored")) for name in CONTENT)
    return Known(newcomers, pairs.filter(same)["position"], pairs.filter(~same)["position"])


def classify_all(connection: Connection, source_id: int, parsed: BatchRows) -> Known:
    """The same as `classify`, for orders of which none was inserted."""
    numbers = parsed.orders["number"]
    query = select(orders.c.number).where(orders.c.source_id == source_id)
    stored = [
        number
        for part in _parts(numbers)
        for number in connection.execute(query.where(orders.c.number.in_(part))).scalars()
    ]
    newcomers = parsed.orders.filter(~pl.col("number").is_in(stored))["position"]
    return classify(connection, source_id, parsed, newcomers)


def _stored_orders(connection: Connection, source_id: int, numbers: pl.Series) -> pl.DataFrame:
    """The stored orders with these numbers of a source: columns `number` and CONTENT."""
    columns = ("id", "number", *CONTENT[:-1])
    query = select(*(orders.c[name] for name in columns)).where(orders.c.source_id == source_id)
    found = [
        tuple(row)
        for part in _parts(numbers)
        for row in connection.execute(query.where(orders.c.number.in_(part)))
    ]
    kinds = (pl.Int64, pl.String, pl.String, pl.String, pl.Int64, pl.Int64)
    heads = pl.DataFrame(found, schema=dict(zip(columns, kinds, strict=True)), orient="row")
    return heads.join(_goods(_stored_lines(connection, heads)), on="number").drop("id")


def _stored_lines(connection: Connection, heads: pl.DataFrame) -> pl.DataFrame:
    query = select(
        order_lines.c.order_id, order_lines.c.product_id, order_lines.c.quantity, order_lines.c.total
    )
    found = [
        tuple(row)
        for part in _parts(heads["id"])
        for row in connection.execute(query.where(order_lines.c.order_id.in_(part)))
    ]
    schema = dict.fromkeys(("id", "product_id", "quantity", "total"), pl.Int64)
    return pl.DataFrame(found, schema=schema, orient="row").join(heads.select("id", "number"), on="id")


def _goods(lines: pl.DataFrame) -> pl.DataFrame:
    # In a dry run the store may not have a product yet. Its line is compared all the same.
    product = pl.col("product_id").fill_null(0)
    goods = pl.format("{}:{}:{}", product, "quantity", "total")
    return lines.group_by("number").agg(goods.sort().str.join(" ").alias("goods"))


def _parts(values: pl.Series) -> Iterator[list[Any]]:
    for start in range(0, values.len(), CHUNK):
        yield values.slice(start, CHUNK).to_list()


def record_conflicts(connection: Connection, import_id: int, conflicting: BatchRows) -> None:
    """Rejects each order as `order_conflict`, with all its lines, and notes it on the first version."""
    if conflicting.orders.is_empty():
        return
    lines = conflicting.lines.join(conflicting.orders.select("position", "number"), on="position")
    first = pl.col("line_number") == 1
    conflict, rest = EXPLANATIONS[RejectCode.ORDER_CONFLICT], EXPLANATIONS[RejectCode.ORDER_REJECTED]

    def either(of_conflict: str, of_rest: str) -> pl.Expr:
        said = [
            pl.format(text, "number") if "{}" in text else pl.lit(text) for text in (of_conflict, of_rest)
        ]
        return pl.when(first).then(said[0]).otherwise(said[1])

    rows = lines.select(
        pl.lit(import_id).alias("import_id"),
        "record",
        pl.col("file_line").alias("line"),
        pl.col("number").alias("order_number"),
        either(RejectCode.ORDER_CONFLICT.value, RejectCode.ORDER_REJECTED.value).alias("code"),
        either(conflict.message, rest.message).alias("message"),
        either(conflict.hint, rest.hint).alias("hint"),
        pl.lit("").alias("raw"),
        item_of_record().alias("item"),
    )
    insert_frame(connection, rejects, rows)
    _note_on_first_versions(connection, import_id, conflicting.orders)


def _note_on_first_versions(connection: Connection, import_id: int, conflicting: pl.DataFrame) -> None:
    import_row = connection.execute(
        select(imports.c.file_name, imports.c.source_id, imports.c.identified).where(
            imports.c.id == import_id
        )
    ).one()
    lines_by_number = dict(conflicting.select("number", "first_line").iter_rows())
    query = select(orders.c.id, orders.c.number).where(orders.c.source_id == import_row.source_id)
    for part in _parts(conflicting["number"]):
        for order_id, number in connection.execute(query.where(orders.c.number.in_(part))).all():
            place = place_in(import_row.identified, lines_by_number[number])
            note = f"came back with other content in {import_row.file_name}, {place}: rejected"
            connection.execute(insert(order_notes).values(order_id=order_id, noted_at=now_us(), note=note))
