"""Returns that name an order: how they are stored, and which refunds they ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
from sqlalchemy import BigInteger, Connection, Engine, Select, Table, select, type_coerce

from orders_pipeline.imports.loading.batch_rows import BatchRows, stored_quantity
from orders_pipeline.imports.loading.known_orders import Known, record_duplicates, reject_whole
from orders_pipeline.order_files.orders.owed import in_minor, step_of
from orders_pipeline.order_files.reject_codes import RejectCode
from orders_pipeline.refunds.requests.asked import GoodsAsked, RefundAsked, RefundRefused
from orders_pipeline.refunds.requests.request import preview_refunds
from orders_pipeline.stock.catalog import product_ids
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import order_returns, returns, sources
from orders_pipeline.store.statements.bulk import insert_frame
from orders_pipeline.store.statements.many_values import among, parts

NAMES = "order_number"
# What a refusal of the refund means for the return.
REASONS = {
    "order_unknown": RejectCode.RETURN_OF_UNKNOWN_ORDER,
    "not_completed": RejectCode.RETURN_OF_UNCOMPLETED_ORDER,
    "currency_other": RejectCode.RETURN_IN_OTHER_CURRENCY,
    "sku_unknown": RejectCode.RETURN_NOT_IN_ORDER,
    "units_exceeded": RejectCode.RETURN_EXCEEDS_ORDER,
    "refund_exceeds_captured": RejectCode.RETURN_EXCEEDS_ORDER,
    "key_reused": RejectCode.ORDER_CONFLICT,
}
# No order has this product.
NO_PRODUCT = 0
COLUMNS = {
    "number": pl.String,
    "line": pl.Int64,
    "order_number": pl.String,
    "currency": pl.String,
    "returned_at": pl.Int64,
    "day": pl.Date,
    "sku": pl.String,
    "quantity": pl.Int64,
    "amount": pl.Int64,
    "record": pl.Int64,
    "file_line": pl.Int64,
}
_CONTENT = ("order_number", "currency", "returned_at", "goods")


def standing_alone(rows: BatchRows) -> BatchRows:
    """Returns the returns that name no order."""
    return rows.of(rows.orders.filter(pl.col(NAMES).is_null())["position"]) if _may_name(rows) else rows


def naming_orders(rows: BatchRows) -> BatchRows | None:
    """Returns the returns that name an order; None if there are none."""
    if not _may_name(rows):
        return None
    named = rows.orders.filter(pl.col(NAMES).is_not_null())["position"]
    return rows.of(named) if named.len() else None


def _may_name(rows: BatchRows) -> bool:
    return NAMES in rows.orders.columns


def store_order_returns(
    connection: Connection, import_id: int, source_id: int, rows: BatchRows
) -> dict[str, int]:
    """Stores returns that name an order, to be booked later; returns counts for `imports`.

    Those that the store has are duplicates or conflicts. Those that it counted without their order are
    rejected.
    """
    before = counted_alone(connection, source_id, rows)
    reject_counted(connection, import_id, rows.of(before))
    counted, rows = rows.of(before), rows.without(before)
    known = classify_named(connection, source_id, rows)
    lines = _as_stored(rows.of(known.newcomers))
    placed = lines.with_columns(source_id=pl.lit(source_id), import_id=pl.lit(import_id))
    insert_frame(connection, order_returns, placed)
    conflicts, duplicates = rows.of(known.conflicts), rows.of(known.duplicates)
    if conflicts.orders.height:
        reject_whole(connection, import_id, conflicts, RejectCode.ORDER_CONFLICT)
    record_duplicates(connection, import_id, duplicates.orders, returned=True)
    return {
        "returns": known.newcomers.len(),
        "return_lines": lines.height,
        "duplicate_returns": duplicates.orders.height,
        "duplicate_return_lines": duplicates.lines.height,
        "refused_returns": conflicts.orders.height + counted.orders.height,
        "refused_return_lines": conflicts.lines.height + counted.lines.height,
    }


def lock_source(connection: Connection, source_id: int) -> None:
    """Lets two imports of the same returns wait for each other."""
    own = select(sources.c.id).where(sources.c.id == source_id)
    connection.execute(own.with_for_update(key_share=True))


def counted_alone(connection: Connection, source_id: int, rows: BatchRows) -> pl.Series:
    """The positions of returns that the store counted before as returns that name no order."""
    return _in_table(connection, source_id, rows, returns)


def counted_of_orders(connection: Connection, source_id: int, rows: BatchRows) -> pl.Series:
    """The positions of returns that the store counted before as refunds of their orders."""
    return _in_table(connection, source_id, rows, order_returns)


def _in_table(connection: Connection, source_id: int, rows: BatchRows, table: Table) -> pl.Series:
    of = table.c
    query = select(of.number).where(of.source_id == source_id)
    numbers = {
        number
        for part in parts(rows.orders["number"])
        for number in connection.scalars(query.where(among(connection, of.number, part)))
    }
    return rows.orders.filter(pl.col("number").is_in(numbers))["position"]


def reject_counted(connection: Connection, import_id: int, counted: BatchRows) -> None:
    """Rejects returns that were counted before, with their order or without it."""
    if counted.orders.height:
        reject_whole(connection, import_id, counted, RejectCode.RETURN_COUNTED_BEFORE)


def classify_named(connection: Connection, source_id: int, rows: BatchRows) -> Known:
    """Compares returns that name an order with those that the store has."""
    stored = _goods(_stored(connection, source_id, rows.orders["number"]))
    pairs = _goods(_as_stored(rows)).join(stored, on="number", how="left", suffix="_stored")
    pairs = pairs.join(rows.orders.select("number", "position"), on="number")
    new = pl.col("goods_stored").is_null()
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_stored")) for name in _CONTENT)
    kinds = (new, same, ~new & ~same)
    return Known(*(pairs.filter(kind)["position"].sort() for kind in kinds))


def preview_order_returns(engine: Engine, source: str, rows: BatchRows) -> dict[RejectCode, list[str]]:
    """The numbers of the returns that could not be booked now, by the reason."""
    with reading(engine) as connection:
        asked = list(refunds_asked(connection, source, _as_stored(rows)))
    return refused_numbers(asked, preview_refunds(engine, [one for _, one in asked]))


def refused_numbers(
    asked: Sequence[tuple[str, RefundAsked]], answers: Sequence[object]
) -> dict[RejectCode, list[str]]:
    """The numbers of the returns whose refund was refused, by the reason."""
    refused: dict[RejectCode, list[str]] = {}
    for (number, _), answer in zip(asked, answers, strict=True):
        if isinstance(answer, RefundRefused):
            refused.setdefault(REASONS[answer.code], []).append(number)
    return refused


def _as_stored(rows: BatchRows) -> pl.DataFrame:
    heads = rows.orders.select(
        *("position", "number", "order_number", "currency", "day"), returned_at="ordered_at"
    )
    # Rounded so that the amounts of the lines add up to that of the return.
    so_far = in_minor(pl.col("total").fill_null(0).cum_sum().over("position"), step_of(pl.col("currency")))
    lines = rows.lines.sort("position", "line_number").join(heads, on="position", maintain_order="left")
    lines = lines.with_columns(stored_quantity(), so_far=so_far)
    before = pl.col("so_far").shift(1, fill_value=0).over("position")
    lines = lines.with_columns(
        amount=pl.when(pl.col("total").is_not_null()).then(pl.col("so_far") - before), line="line_number"
    )
    return lines.select(pl.col(name).cast(kind) for name, kind in COLUMNS.items()).sort("number", "line")


def _stored(connection: Connection, source_id: int, numbers: pl.Series) -> pl.DataFrame:
    table = order_returns.c
    rows = [
        tuple(row)
        for part in parts(numbers)
        for row in connection.execute(
            stored_lines().where(table.source_id == source_id, among(connection, table.number, part))
        )
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def stored_lines() -> Select[Any]:
    """Selects the `COLUMNS` of stored lines."""
    columns = (order_returns.c[name] for name in COLUMNS)
    return select(*(type_coerce(c, BigInteger) if c.name == "quantity" else c for c in columns))


def _goods(lines: pl.DataFrame) -> pl.DataFrame:
    goods = pl.format("{}:{}:{}", "quantity", pl.col("amount").fill_null(-1), "sku")
    heads = [pl.col(name).first() for name in _CONTENT[:-1]]
    return lines.group_by("number").agg(*heads, goods.sort().str.join(" ").alias("goods"))


def refunds_asked(
    connection: Connection, source: str, lines: pl.DataFrame
) -> Iterator[tuple[str, RefundAsked]]:
    """Yields the number of each return with its refund."""
    known = product_ids(connection, lines["sku"].unique())
    lines = lines.join(known, on="sku", how="left", maintain_order="left")
    for of_return in lines.partition_by("number", maintain_order=True):
        head = of_return.row(0, named=True)
        goods = of_return.select("sku", pl.col("product_id").fill_null(NO_PRODUCT), "quantity", "amount")
        yield (
            head["number"],
            RefundAsked(
                order=head["order_number"],
                source=source,
                goods=tuple(GoodsAsked(*one) for one in goods.iter_rows()),
                currency=head["currency"],
                reason=f"return {head['number']}",
                recorded=True,
                reference=head["number"],
                day=head["day"],
                key=f"return:{source}/{head['number']}",
            ),
        )
