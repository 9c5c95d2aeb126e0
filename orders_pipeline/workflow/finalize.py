"""Finalize orders whose payment succeeded: their units are sold and the running totals grow."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select, update

from orders_pipeline.clock import now_us
from orders_pipeline.model import OrderStatus, PaymentStatus, ReservationStatus, Window
from orders_pipeline.store.schema import (
    customer_totals,
    order_lines,
    orders,
    payments,
    product_totals,
    reservations,
)
from orders_pipeline.store.upsert import insert_into
from orders_pipeline.workflow.batch import (
    Batch,
    BatchKey,
    count_moves,
    count_of,
    get_batch,
    lock_batch,
    mark_days,
    orders_in,
)
from orders_pipeline.workflow.charge import of_current_attempt
from orders_pipeline.workflow.stock import move_units

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


def answered(window: Window, status: PaymentStatus) -> Select[Any]:
    """The orders in payment whose gateway's answer is this."""
    return (
        select(orders)
        .join(payments, of_current_attempt)
        .where(orders_in(window, PAYMENT_PROCESSING), payments.c.status == status)
    )


def close_reservations(connection: Connection, selected: Select[Any], status: ReservationStatus) -> None:
    """Ends the holds of these orders."""
    ids = selected.with_only_columns(orders.c.id)
    connection.execute(
        update(reservations)
        .where(reservations.c.order_id.in_(ids), reservations.c.status == ReservationStatus.HELD)
        .values(status=status, closed_at=now_us())
    )


def _finalize(connection: Connection, key: BatchKey, window: Window) -> None:
    paid = answered(window, PaymentStatus.SUCCEEDED)
    completed = count_of(connection, paid.with_only_columns(orders.c.id))
    if not completed:
        return
    move_units(connection, paid, "reserved", "sold")
    _add_customer_totals(connection, paid)
    _add_product_totals(connection, paid)
    mark_days(connection, paid)
    close_reservations(connection, paid, ReservationStatus.SOLD)
    ids = paid.with_only_columns(orders.c.id)
    connection.execute(update(orders).where(orders.c.id.in_(ids)).values(status=COMPLETED))
    count_moves(connection, key, {PAYMENT_PROCESSING: -completed, COMPLETED: completed})


def _add_customer_totals(connection: Connection, paid: Select[Any]) -> None:
    sums = (
        paid.with_only_columns(
            orders.c.customer_id, orders.c.currency, func.count(), func.sum(orders.c.total)
        )
        .where(orders.c.customer_id.is_not(None))
        .group_by(orders.c.customer_id, orders.c.currency)
        .order_by(orders.c.customer_id, orders.c.currency)
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


def _add_product_totals(connection: Connection, paid: Select[Any]) -> None:
    named = paid.with_only_columns(orders.c.id, orders.c.currency).subquery()
    sums = (
        select(
            order_lines.c.product_id,
            named.c.currency,
            func.count(order_lines.c.order_id.distinct()),
            func.sum(order_lines.c.quantity),
            func.sum(order_lines.c.total),
        )
        .join(named, named.c.id == order_lines.c.order_id)
        .group_by(order_lines.c.product_id, named.c.currency)
        .order_by(order_lines.c.product_id, named.c.currency)
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
