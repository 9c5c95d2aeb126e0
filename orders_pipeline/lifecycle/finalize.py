"""Finalize orders whose payment succeeded: their units are sold and the running totals grow."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, func, select

from orders_pipeline.base.model import OrderStatus, PaymentStatus, ReservationStatus, Window
from orders_pipeline.lifecycle.batch import (
    Batch,
    BatchKey,
    OrderSet,
    count_moves,
    get_batch,
    lock_batch,
    mark_days,
)
from orders_pipeline.lifecycle.settling import end_orders, gather_answered, gathered, settling
from orders_pipeline.stock.units import release_units
from orders_pipeline.store.schema import customer_totals, order_lines, product_totals
from orders_pipeline.store.upsert import insert_into

PAYMENT_PROCESSING, COMPLETED = OrderStatus.PAYMENT_PROCESSING, OrderStatus.COMPLETED


def finalize_orders(engine: Engine, key: BatchKey, transaction_orders: int) -> Batch:
    """Completes each order of a batch whose payment succeeded; the batch afterwards."""
    batch = get_batch(engine, key)
    if batch.counts[PAYMENT_PROCESSING]:
        for window in batch.windows(transaction_orders):
            with engine.begin() as connection:
                lock_batch(connection, key)
                _finalize(connection, key, window)
    return get_batch(engine, key)


def _finalize(connection: Connection, key: BatchKey, window: Window) -> None:
    completed = gather_answered(connection, window, PaymentStatus.SUCCEEDED)
    if not completed:
        return
    paid = gathered(window)
    end_orders(connection, paid, COMPLETED, ReservationStatus.SOLD)
    count_moves(connection, key, {PAYMENT_PROCESSING: -completed, COMPLETED: completed})
    # What other batches want as well comes last: each waits for the other from there to its end.
    _add_customer_totals(connection)
    release_units(connection, paid, "sold")
    _add_product_totals(connection, paid)
    mark_days(connection, select(settling.c.day))


def _add_customer_totals(connection: Connection) -> None:
    sums = (
        select(settling.c.customer_id, settling.c.currency, func.count(), func.sum(settling.c.total))
        .where(settling.c.customer_id.is_not(None))
        .group_by(settling.c.customer_id, settling.c.currency)
        .order_by(settling.c.customer_id, settling.c.currency)
    )
    statement = insert_into(connection, customer_totals).from_select(
        ["customer_id", "currency", "orders", "spent"], sums
    )
    new = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["customer_id", "currency"],
            set_={
                "orders": customer_totals.c.orders + new.orders,
                "spent": customer_totals.c.spent + new.spent,
            },
        )
    )


def _add_product_totals(connection: Connection, paid: OrderSet) -> None:
    sums = (
        select(
            order_lines.c.product_id,
            settling.c.currency,
            func.count(order_lines.c.order_id.distinct()),
            func.sum(order_lines.c.quantity),
            func.sum(order_lines.c.total),
        )
        .join(settling, settling.c.order_id == order_lines.c.order_id)
        .where(paid.within(order_lines.c.order_id))
        .group_by(order_lines.c.product_id, settling.c.currency)
        .order_by(order_lines.c.product_id, settling.c.currency)
    )
    statement = insert_into(connection, product_totals).from_select(
        ["product_id", "currency", "orders", "units", "revenue"], sums
    )
    new = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["product_id", "currency"],
            set_={
                "orders": product_totals.c.orders + new.orders,
                "units": product_totals.c.units + new.units,
                "revenue": product_totals.c.revenue + new.revenue,
            },
        )
    )
