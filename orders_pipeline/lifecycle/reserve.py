"""Reserve stock: all of an order or nothing, in file order within a batch, never more than is there."""

from __future__ import annotations

import polars as pl
from sqlalchemy import Connection, Engine, insert, literal, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import OrderStatus, ReservationStatus, Window
from orders_pipeline.lifecycle.batch import (
    Batch,
    BatchKey,
    OrderSet,
    count_moves,
    get_batch,
    lock_batch,
    mark_days,
    orders_in,
)
from orders_pipeline.stock.units import (
    Refusal,
    demands_for,
    gather_units,
    lock_scarce_products,
    move_units,
    refuse_unserved,
)
from orders_pipeline.store.bulk import insert_frame
from orders_pipeline.store.schema import failures, orders, reservations

PENDING, RESERVED, FAILED = OrderStatus.PENDING, OrderStatus.RESERVED, OrderStatus.FAILED


def reserve_stock(engine: Engine, key: BatchKey, transaction_orders: int, hold_us: int) -> Batch:
    """Moves each pending order of a batch to reserved or failed; the batch afterwards.

    Args:
        hold_us: how long a reservation holds, in microseconds.
    """
    batch = get_batch(engine, key)
    if batch.counts[PENDING]:
        for window in batch.windows(transaction_orders):
            with engine.begin() as connection:
                lock_batch(connection, key)
                _refuse(connection, key, window)
                _reserve(connection, key, window, hold_us)
    return get_batch(engine, key)


def _refuse(connection: Connection, key: BatchKey, window: Window) -> None:
    pending = _pending(window)
    gather_units(connection, pending)
    scarce = lock_scarce_products(connection)
    refusals = refuse_unserved(demands_for(connection, pending, scarce), scarce) if scarce else []
    if not refusals:
        return
    insert_frame(connection, failures, _failures(refusals))
    refused = select(failures.c.order_id).where(
        failures.c.order_id == orders.c.id, failures.c.attempt == orders.c.attempt
    )
    refused = refused.where(pending.within(failures.c.order_id))
    connection.execute(
        update(orders).where(orders_in(window, PENDING), refused.exists()).values(status=FAILED)
    )
    count_moves(connection, key, {PENDING: -len(refusals), FAILED: len(refusals)})
    mark_days(connection, select(orders.c.day).where(orders_in(window, FAILED)))
    # What the others want is what will be reserved.
    gather_units(connection, pending)


def _pending(window: Window) -> OrderSet:
    return OrderSet(window, select(orders.c.id).where(orders_in(window, PENDING)))


def _failures(refusals: list[Refusal]) -> pl.DataFrame:
    columns = ["order_id", "attempt", "reason", "detail"]
    return pl.DataFrame(refusals, schema=columns, orient="row").with_columns(failed_at=pl.lit(now_us()))


def _reserve(connection: Connection, key: BatchKey, window: Window, hold_us: int) -> None:
    granted = _pending(window)
    now = now_us()
    held = granted.ids.with_only_columns(
        orders.c.id, orders.c.attempt, literal(ReservationStatus.HELD), literal(now), literal(now + hold_us)
    )
    columns = ["order_id", "attempt", "status", "reserved_at", "expires_at"]
    reserved = connection.execute(insert(reservations).from_select(columns, held)).rowcount
    if reserved:
        move_units(connection, "on_hand", "reserved")
        connection.execute(update(orders).where(orders_in(window, PENDING)).values(status=RESERVED))
        count_moves(connection, key, {PENDING: -reserved, RESERVED: reserved})
