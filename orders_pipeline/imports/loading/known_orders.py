"""Orders and returns that the store has: a duplicate if the content is the same, otherwise a conflict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl
from sqlalchemy import BigInteger, Column, Connection, Table, insert, select, type_coerce

from orders_pipeline.base.clock import now_us
from orders_pipeline.imports.loading.batch_rows import BatchRows, stored_quantity
from orders_pipeline.imports.rejects import item_of_record
from orders_pipeline.order_files.records.content import place_in
from orders_pipeline.order_files.reject_codes import EXPLANATIONS, RejectCode
from orders_pipeline.store.schema import (
    duplicate_orders,
    imports,
    order_lines,
    order_notes,
    orders,
    rejects,
    return_lines,
    returns,
)
from orders_pipeline.store.statements.bulk import insert_frame

CHUNK = 10_000
# The prefix of the ids of erased customers.
ERASED = "erased-"
CONTENT = ("customer_id", "currency", "total", "ordered_at", "goods")


class Stored(NamedTuple):
    """The tables of orders, or of returns: `at` is when they were made, `owner` the id on their lines."""

    table: Table
    lines: Table
    at: Column[int]
    owner: Column[int]


STORED_ORDERS = Stored(orders, order_lines, orders.c.ordered_at, order_lines.c.order_id)
STORED_RETURNS = Stored(returns, return_lines, returns.c.returned_at, return_lines.c.return_id)


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


def classify(
    connection: Connection,
    source_id: int,
    parsed: BatchRows,
    newcomers: pl.Series,
    among: Stored = STORED_ORDERS,
) -> Known:
    """Compares the orders that are not new with those of the same number in the store.

    Date, customer, currency and goods are compared; names and the sequence of the lines are not.
    """
    rest = parsed.orders.join(newcomers.alias("position").to_frame(), on="position", how="anti")
    lines = parsed.lines.join(rest.select("position", "number"), on="position")
    lines = lines.with_columns(stored_quantity())
    incoming = rest.join(_goods(lines), on="number").select("position", "number", *CONTENT)
    stored = _stored_heads(connection, source_id, rest["number"], among)
    pairs = incoming.join(stored, on="number", how="left", suffix="_stored")
    alike = {name: pl.col(name).eq_missing(pl.col(f"{name}_stored")) for name in CONTENT}
    # The customer was erased, so the order cannot be compared by its customer.
    alike["customer_id"] |= pl.col("customer_id_stored").str.starts_with(ERASED).fill_null(value=False)
    same = pl.all_horizontal(alike.values())
    return Known(newcomers, pairs.filter(same)["position"], pairs.filter(~same)["position"])


def classify_all(
    connection: Connection, source_id: int, parsed: BatchRows, among: Stored = STORED_ORDERS
) -> Known:
    """The same as `classify`, if none of the orders was inserted."""
    numbers = parsed.orders["number"]
    table = among.table.c
    query = select(table.number).where(table.source_id == source_id)
    stored = [
        number
        for part in _parts(numbers)
        for number in connection.execute(query.where(table.number.in_(part))).scalars()
    ]
    newcomers = parsed.orders.filter(~pl.col("number").is_in(stored))["position"]
    return classify(connection, source_id, parsed, newcomers, among)


def _stored_heads(connection: Connection, source_id: int, numbers: pl.Series, among: Stored) -> pl.DataFrame:
    """The stored orders with these numbers of a source: columns `number` and CONTENT."""
    columns = ("id", "number", *CONTENT[:-1])
    table = among.table.c
    query = select(table.id, table.number, table.customer_id, table.currency, table.total, among.at).where(
        table.source_id == source_id
    )
    found = [
        tuple(row)
        for part in _parts(numbers)
        for row in connection.execute(query.where(table.number.in_(part)))
    ]
    kinds = (pl.Int64, pl.String, pl.String, pl.String, pl.Int64, pl.Int64)
    heads = pl.DataFrame(found, schema=dict(zip(columns, kinds, strict=True)), orient="row")
    return heads.join(_goods(_stored_lines(connection, heads, among)), on="number").drop("id")


def _stored_lines(connection: Connection, heads: pl.DataFrame, among: Stored) -> pl.DataFrame:
    lines = among.lines.c
    query = select(among.owner, lines.product_id, type_coerce(lines.quantity, BigInteger), lines.total)
    found = [
        tuple(row)
        for part in _parts(heads["id"])
        for row in connection.execute(query.where(among.owner.in_(part)))
    ]
    schema = dict.fromkeys(("id", "product_id", "quantity", "total"), pl.Int64)
    return pl.DataFrame(found, schema=schema, orient="row").join(heads.select("id", "number"), on="id")


def _goods(lines: pl.DataFrame) -> pl.DataFrame:
    # In a dry run, the store may lack a product. Its line is compared nevertheless.
    product = pl.col("product_id").fill_null(0)
    goods = pl.format("{}:{}:{}", product, "quantity", "total")
    return lines.group_by("number").agg(goods.sort().str.join(" ").alias("goods"))


def _parts(values: pl.Series) -> Iterator[list[Any]]:
    for start in range(0, values.len(), CHUNK):
        yield values.slice(start, CHUNK).to_list()


def record_duplicates(
    connection: Connection, import_id: int, known: pl.DataFrame, *, returned: bool = False
) -> None:
    """Notes which orders of a file the store had, for the results of the file.

    Args:
        returned: whether they are returns.
    """
    total = pl.col("total")
    rows = known.select(
        pl.lit(import_id).alias("import_id"),
        *("number", "currency"),
        -total if returned else total,
        pl.col("first_line").alias("file_line"),
    )
    insert_frame(connection, duplicate_orders, rows)


def record_conflicts(connection: Connection, import_id: int, conflicting: BatchRows) -> None:
    """Rejects each order as `order_conflict`, with all its lines, and adds a note to the stored order."""
    if conflicting.orders.is_empty():
        return
    reject_whole(connection, import_id, conflicting, RejectCode.ORDER_CONFLICT)
    _note_on_first_versions(connection, import_id, conflicting.orders)


def reject_whole(
    connection: Connection, import_id: int, refused: BatchRows, code: RejectCode, named: str = "number"
) -> None:
    """Rejects each of these orders or returns with all its lines; the first line gets the reason.

    The reason names the order of a return that names one.
    """
    heads = refused.orders.select("position", "number", named=pl.col(named))
    lines = refused.lines.join(heads, on="position")
    first = pl.col("line_number") == 1
    reason, rest = EXPLANATIONS[code], EXPLANATIONS[RejectCode.ORDER_REJECTED]

    def either(of_first: str, of_rest: str) -> pl.Expr:
        said = [
            pl.format(text, shown) if "{}" in text else pl.lit(text)
            for text, shown in ((of_first, "named"), (of_rest, "number"))
        ]
        return pl.when(first).then(said[0]).otherwise(said[1])

    rows = lines.select(
        pl.lit(import_id).alias("import_id"),
        "record",
        pl.col("file_line").alias("line"),
        pl.col("number").alias("order_number"),
        either(code.value, RejectCode.ORDER_REJECTED.value).alias("code"),
        either(reason.message, rest.message).alias("message"),
        either(reason.hint, rest.hint).alias("hint"),
        pl.lit("").alias("raw"),
        item_of_record().alias("item"),
    )
    insert_frame(connection, rejects, rows)


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
