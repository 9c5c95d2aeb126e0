"""The output of `orders list` for people."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from orders_pipeline.exports.order_list import ORDER_LIST
from orders_pipeline.exports.table import Row

MONEY = {"total", "refunded"}
# Columns that are shown only if they differ between the orders, or say something about one of them.
SOURCE, REFUNDED, REASON = "source", "refunded", "reason"


def orders_table(rows: Iterable[Row]) -> Table:
    """Returns a table of orders."""
    listed = [dict(zip(ORDER_LIST.names, row, strict=True)) for row in rows]
    shown = [
        "day",
        "number",
        *([SOURCE] if len({one[SOURCE] for one in listed}) > 1 else []),
        "status",
        "customer_id",
        "total",
        "currency",
        *(name for name in (REFUNDED, REASON) if any(one[name] for one in listed)),
        "file",
    ]
    table = Table(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    for name in shown:
        title = name.removesuffix("_id").replace("_", " ")
        table.add_column(title, no_wrap=True, justify="right" if name in MONEY else "left")
    for one in listed:
        table.add_row(*("" if one[name] is None else escape(str(one[name])) for name in shown))
    return table
