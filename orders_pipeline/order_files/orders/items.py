"""Unpacks the items in the columns of one record into one line each."""

from __future__ import annotations

import re

import polars as pl

from orders_pipeline.order_files.columns.profile import PackedItems


def unpack_items(frame: pl.DataFrame, items: PackedItems) -> pl.DataFrame:
    """Makes one row for each item that is not blank; a record without items stays one row."""
    packed = [name for name in frame.columns if name.startswith("item_")]
    texts = pl.concat_list(packed)
    if items.between:
        texts = texts.list.eval(pl.element().str.split(items.between)).list.eval(pl.element().explode())
    filled = texts.list.eval(pl.element().filter(pl.element().str.strip_chars() != ""))
    rows = frame.with_columns(item=filled).drop(packed).explode("item")
    return rows.with_columns(
        _value(items, key).alias(field.value) for field, key in items.fields.items()
    ).drop("item")


def _value(items: PackedItems, key: str) -> pl.Expr:
    separator = re.escape(items.separator)
    pattern = f"(?:^|{separator})\\s*{re.escape(key + items.assign)}([^{separator}]*)"
    return pl.col("item").str.extract(pattern)
