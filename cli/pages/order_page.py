"""The output of `orders list` for people."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from orders_pipeline.exports.order_list import ORDER_LIST
from orders_pipeline.exports.table import Row

SHOWN = (
    "day",
    "number",
    "source",
    "status",
    "customer_id",
    "total",
    "currency",
    "refunded",
    "reason",
    "file",
)
MONEY = {"total", "refunded"}


def orders_table(rows: Iterable[Row]) -> Table:
    """Returns a table of orders."""
    table = Table(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    for name in SHOWN:
        title = name.removesuffix("_id").replace("_", " ")
        table.add_column(title, overflow="fold", justify="right" if name in MONEY else "left")
    places = [ORDER_LIST.names.index(name) for name in SHOWN]
    for row in rows:
        table.add_row(*("" if row[at] is None else escape(str(row[at])) for at in places))
    return table
