"""Unpacks the items in the columns of one record into one line each."""

from __future__ import annotations

import re

import polars as pl

from orders_pipeline.order_files.columns.profile import ItemFormat, PackedItems
from orders_pipeline.order_files.orders.item_texts import BrokenItemsError, Item, ItemTexts
from orders_pipeline.order_files.records.tables.cell_text import CellText
from orders_pipeline.order_files.reject_codes import RejectCode
from orders_pipeline.order_files.values.amount_columns import item_column

# The cell of a missing item: blank or a zero.
_NOTHING = r"^\s*(?:0(?:[.,]0+)?)?\s*$"


def unpack_items(frame: pl.DataFrame, items: PackedItems, cells: CellText) -> pl.DataFrame:
    """Makes one row for each item that is not blank; a record without items stays one row.

    Adds `item_number`, from 1; null for a record without items. A broken item marks its record.

    Args:
        cells: converts numbers in JSON to text.
    """
    packed = [name for name in frame.columns if re.match(r"item_[0-9]", name)]
    if items.format is ItemFormat.COLUMNS:
        return _from_columns(frame, items, packed)
    if items.format is ItemFormat.PAIRS:
        return _from_pairs(frame, items, packed)
    return _from_texts(frame, ItemTexts(items, cells), packed)


def _from_pairs(frame: pl.DataFrame, items: PackedItems, packed: list[str]) -> pl.DataFrame:
    texts = pl.concat_list(packed)
    if items.item_separator:
        texts = texts.list.eval(pl.element().str.split(items.item_separator)).list.eval(
            pl.element().explode()
        )
    filled = texts.list.eval(pl.element().filter(pl.element().str.strip_chars() != ""))
    rows = frame.with_columns(item=filled).drop(packed).with_row_index("row").explode("item")
    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("row")
    return rows.with_columns(
        *(_value(items, key).alias(item_column(field)) for field, key in items.fields.items()),
        item_number=pl.when(pl.col("item").is_not_null()).then(number),
    ).drop("item", "row")


def _value(items: PackedItems, key: str) -> pl.Expr:
    separator = re.escape(items.field_separator)
    pattern = f"(?:^|{separator})\\s*{re.escape(key + items.assign)}([^{separator}]*)"
    return pl.col("item").str.extract(pattern)


def _from_columns(frame: pl.DataFrame, items: PackedItems, packed: list[str]) -> pl.DataFrame:
    numbers = sorted({int(name.split("_")[1]) for name in packed})
    rest = frame.drop(packed).with_row_index("row")
    groups = [_group(frame, rest, items, number) for number in numbers]
    filled = pl.concat(groups).filter(
        ~pl.all_horizontal(
            pl.col(item_column(field)).fill_null("").str.contains(_NOTHING) for field in items.fields
        )
    )
    without = rest.join(filled.select("row").unique(), on="row", how="anti")
    nothing = [pl.lit(None, pl.String).alias(item_column(field)) for field in items.fields]
    blank = without.with_columns(nothing).with_columns(item_number=pl.lit(None, pl.Int64))
    return pl.concat([filled, blank]).sort("row", "item_number").drop("row")


def _group(frame: pl.DataFrame, rest: pl.DataFrame, items: PackedItems, number: int) -> pl.DataFrame:
    """Returns the records with the fields of the item `number` of each."""
    values = [frame[f"item_{number}_{field.value}"].alias(item_column(field)) for field in items.fields]
    return rest.with_columns(values).with_columns(item_number=pl.lit(number, pl.Int64))


def _from_texts(frame: pl.DataFrame, texts: ItemTexts, packed: list[str]) -> pl.DataFrame:
    rows: list[int] = []
    numbers: list[int | None] = []
    reasons: list[str | None] = []
    values: list[Item] = []
    for row, cells in enumerate(frame.select(packed).iter_rows()):
        reason = None
        try:
            found = texts.read([cell for cell in cells if cell and cell.strip()])
        except BrokenItemsError as broken:
            found, reason = [], str(broken)
        rows += [row] * max(1, len(found))
        numbers += range(1, len(found) + 1) if found else [None]
        reasons += [reason] * max(1, len(found))
        values += found or [{}]
    fields = [
        pl.Series(item_column(field), [value.get(field) for value in values], dtype=pl.String)
        for field in texts.fields
    ]
    unpacked = frame.drop(packed)[rows].with_columns(*fields, item_number=pl.Series(numbers, dtype=pl.Int64))
    return _marked(unpacked, pl.Series("reason", reasons, dtype=pl.String))


def _marked(frame: pl.DataFrame, reasons: pl.Series) -> pl.DataFrame:
    if not reasons.count():
        return frame
    broken = pl.col("problem").is_null() & pl.col("reason").is_not_null()
    return frame.with_columns(reasons).select(
        pl.exclude("reason", "problem", "detail"),
        problem=pl.when(broken).then(pl.lit(RejectCode.ITEM_BROKEN.value)).otherwise("problem"),
        detail=pl.when(broken).then("reason").otherwise("detail"),
    )
