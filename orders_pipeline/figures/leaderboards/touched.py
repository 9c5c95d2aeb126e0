"""Finds the members of a board whose scores depend on some orders, refunds or returns.

Each function returns a query of the members' ids in the order store (`customers.id` or `products.id`) and
currencies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from orders_pipeline.base.model import OrderStatus
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.store.schema import order_lines, orders, refund_lines, refunds, return_lines, returns

Members = Select[*tuple[Any, ...]]


def of_orders(board: Board, chosen: ColumnElement[bool]) -> Members:
    """Selects the members with completed orders that meet `chosen`, a condition on the table `orders`."""
    completed = chosen & (orders.c.status == OrderStatus.COMPLETED)
    if board is Board.CUSTOMERS:
        return select(orders.c.customer_id, orders.c.currency).where(completed).distinct()
    return (
        select(order_lines.c.product_id, orders.c.currency)
        .join_from(orders, order_lines, order_lines.c.order_id == orders.c.id)
        .where(completed)
        .distinct()
    )


def of_refunds(board: Board, ids: Sequence[int]) -> Members:
    """Selects the members of the refunds with these ids (`refunds.id`), whatever their status."""
    chosen = refunds.c.id.in_(ids)
    if board is Board.CUSTOMERS:
        return (
            select(orders.c.customer_id, orders.c.currency)
            .join_from(refunds, orders, orders.c.id == refunds.c.order_id)
            .where(chosen)
            .distinct()
        )
    same_line = (order_lines.c.order_id == refunds.c.order_id) & (order_lines.c.line == refund_lines.c.line)
    return (
        select(order_lines.c.product_id, orders.c.currency)
        .join_from(refunds, refund_lines, refund_lines.c.refund == refunds.c.id)
        .join(orders, orders.c.id == refunds.c.order_id)
        .join(order_lines, same_line)
        .where(chosen)
        .distinct()
    )


def of_returns(board: Board, import_id: int) -> Members:
    """Selects the members of the returns that an import stored."""
    of_import = returns.c.import_id == import_id
    if board is Board.CUSTOMERS:
        return select(returns.c.customer_id, returns.c.currency).where(of_import).distinct()
    return (
        select(return_lines.c.product_id, returns.c.currency)
        .join_from(returns, return_lines, return_lines.c.return_id == returns.c.id)
        .where(of_import)
        .distinct()
    )
