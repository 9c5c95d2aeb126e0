"""Columns that results and lists of orders share, and the SQL behind them."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import BigInteger, ColumnElement, Subquery, cast, func, select

from orders_pipeline.base.model import RefundKind, RefundStatus
from orders_pipeline.exports.table import Column, Kind
from orders_pipeline.store.schema import failures, refunds

NUMBER = Column("number", Kind.TEXT, "Order number in the file; empty if the line has none.", "1001")
TOTAL = Column(
    "total", Kind.MONEY, "What the customer owes; empty if the order was rejected or skipped.", 51.0
)
CURRENCY = Column("currency", Kind.TEXT, "ISO 4217 code of the amounts of the row.", "USD")
REFUNDED = Column("refunded", Kind.MONEY, "Amount of completed refunds; disputes are not included.", 0.0)
TRANSACTION = Column(
    "transaction_id",
    Kind.TEXT,
    "The charge at the gateway, or the reference of a payment elsewhere.",
    "txn_1",
)
ATTEMPTS = Column("attempts", Kind.INTEGER, "Number of attempts: 1, plus 1 for each retry.", 1)


def failure_text() -> ColumnElement[str]:
    """Why an order failed: code and details. Needs its failure joined `of_current_attempt`."""
    return failures.c.reason.concat(": ").concat(failures.c.detail)


def refunded_by_order(condition: Callable[[ColumnElement[int]], ColumnElement[bool]]) -> Subquery:
    """Selects the refunded amount by order, as `amount`, for orders that meet a condition on their ids."""
    amount = cast(func.sum(refunds.c.amount), BigInteger).label("amount")
    return (
        select(refunds.c.order_id, amount)
        .where(
            refunds.c.status == RefundStatus.COMPLETED,
            refunds.c.kind == RefundKind.REFUND,
            condition(refunds.c.order_id),
        )
        .group_by(refunds.c.order_id)
        .subquery()
    )
