"""Collects the refunds that a transaction ends in a temporary table, so that they are searched only once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import polars as pl
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    Integer,
    String,
    Table,
    case,
    func,
    select,
    type_coerce,
)

from orders_pipeline.base.model import RefundKind, RefundStatus, Window
from orders_pipeline.store.schema import order_lines, orders, refund_lines, refunds
from orders_pipeline.store.statements.bulk import insert_frame
from orders_pipeline.store.statements.line_units import in_line_units
from orders_pipeline.store.statements.temporary import empty, fill, temporary
from orders_pipeline.store.units_type import UnitsColumn

_RESULTS = temporary(
    "refund_results",
    # No primary key: with one, SQLite would read all refunds and look up each of them here.
    Column("refund", BigInteger, nullable=False),
    Column("result", String),
)
_ENDING = temporary(
    "ending_refunds",
    Column("id", BigInteger, nullable=False),
    Column("order_id", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("restock", Boolean, nullable=False),
    Column("day", Date),
    Column("result", String),
    Column("order_day", Date, nullable=False),
    Column("import_id", Integer, nullable=False),
    Column("customer_id", String),
    Column("currency", String(3), nullable=False),
)
_RETURNED = temporary(
    "returned_goods",
    Column("product_id", BigInteger, primary_key=True, autoincrement=False),
    Column("currency", String(3), primary_key=True),
    Column("units", UnitsColumn, nullable=False),
    Column("restocked", UnitsColumn, nullable=False),
    Column("amount", BigInteger, nullable=False),
)
_SCHEMA = {"refund": pl.Int64, "result": pl.String}


@dataclass(frozen=True, slots=True)
class Ending:
    """The collected refunds; valid until the transaction ends or collects others.

    Attributes:
        table: a row for each refund: its own columns, the value of `result`, and the day, import, customer
            and currency of its order.
    """

    count: int
    window: Window
    table: ClassVar[Table] = _ENDING

    def within(self, refund: Column[int]) -> ColumnElement[bool]:
        """Returns a condition on the ids, with which PostgreSQL reads only a part of a table of refunds."""
        return refund.between(self.window.first, self.window.last)


def gather_ending(connection: Connection, results: Mapping[int, str | None], status: RefundStatus) -> Ending:
    """Locks the refunds that have this status, in the order of ids, and collects them.

    Args:
        results: refunds by id, each with its transaction id at the gateway or with the reason of its failure.
    """
    empty(connection, _RESULTS)
    insert_frame(connection, _RESULTS, pl.DataFrame(sorted(results.items()), schema=_SCHEMA, orient="row"))
    r, o = refunds.c, orders.c
    window = Window(min(results, default=0), max(results, default=0))
    rows = (
        select(r.id, r.order_id, r.attempt, r.kind, r.amount, r.restock, r.day, _RESULTS.c.result)
        .add_columns(o.day, o.import_id, o.customer_id, o.currency)
        .join_from(_RESULTS, refunds, r.id == _RESULTS.c.refund)
        .join(orders, o.id == r.order_id)
        .where(r.status == status, r.id.between(window.first, window.last))
        .order_by(r.id)
        .with_for_update(of=refunds)
    )
    return Ending(fill(connection, _ENDING, rows), window)


def gather_returned(connection: Connection, ending: Ending) -> Table:
    """Collects the goods that are returned with refunds, by product and currency.

    Returns:
        A table of product_id, currency, units, the units that are sold again (`restocked`), and amount in
        1/10,000; valid as long as `ending`.
    """
    of, line, goods = ending.table.c, refund_lines.c, order_lines.c
    units = type_coerce(line.quantity, BigInteger)
    rows = (
        select(goods.product_id, of.currency, func.sum(units), func.sum(case((of.restock, units), else_=0)))
        .add_columns(func.sum(in_line_units(line.amount, of.currency)))
        .join_from(ending.table, refund_lines, line.refund == of.id)
        .join(order_lines, (goods.order_id == of.order_id) & (goods.line == line.line))
        .where(of.kind == RefundKind.REFUND, ending.within(line.refund))
        .group_by(goods.product_id, of.currency)
    )
    fill(connection, _RETURNED, rows)
    return _RETURNED
