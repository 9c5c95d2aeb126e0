"""The steps of a batch that need only the store; each may be repeated at any time, even concurrently."""

from __future__ import annotations

from sqlalchemy import Engine

from orders_pipeline.base.model import OrderStatus
from orders_pipeline.lifecycle.batch import Batch, BatchKey, BatchWork, walk
from orders_pipeline.lifecycle.order_lifecycle import complete, reserve, roll_back_declined


def reserve_stock(
    engine: Engine, key: BatchKey, transaction_orders: int, hold_us: int, low_stock: int | None = None
) -> Batch:
    """Moves each pending order of a batch to reserved or failed; the batch afterwards.

    Args:
        hold_us: how long a reservation holds, in microseconds.
        low_stock: low-stock threshold, in units on hand, of products without a threshold of their own.
    """

    def act(work: BatchWork) -> None:
        reserve(work, hold_us, low_stock)

    return walk(engine, key, transaction_orders, OrderStatus.PENDING, act)


def finalize_orders(engine: Engine, key: BatchKey, transaction_orders: int) -> Batch:
    """Completes each order of a batch whose payment succeeded; the batch afterwards."""
    return walk(engine, key, transaction_orders, OrderStatus.PAYMENT_PROCESSING, complete)


def roll_back_orders(engine: Engine, key: BatchKey, transaction_orders: int) -> Batch:
    """Rolls back each order of a batch whose payment was declined; the batch afterwards."""
    return walk(engine, key, transaction_orders, OrderStatus.PAYMENT_PROCESSING, roll_back_declined)
