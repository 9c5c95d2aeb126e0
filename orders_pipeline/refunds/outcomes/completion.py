r"""The changes at the end of a refund, each next to its undo.

    pending -> processing -> completed     refunded: changes totals, days, and units if they are sold again
       |           \-> failed              the gateway refunded nothing
       \-> cancelled                       the gateway was not called
    completed -> failed                    the money was returned to the shop: the provider reported a late
                                           failure, or a dispute was won

Each function first locks its refunds, and changes only those with the status on the left. So its effects
happen once, even if it is called several times.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import Column, Connection, Select, Table, and_, func, select, update

from orders_pipeline.base.model import EventType, RefundKind, RefundStatus
from orders_pipeline.lifecycle.totals import (
    put_back_into_customer_totals,
    put_back_into_product_totals,
    take_from_customer_totals,
    take_from_product_totals,
)
from orders_pipeline.refunds.outcomes.ending import Ending, gather_ending, gather_returned
from orders_pipeline.refunds.outcomes.refund_events import record_refunds
from orders_pipeline.stock.units import UnitsByProduct, note_units, put_returned_on_shelf, undo_return
from orders_pipeline.store.kpi_days import mark_days
from orders_pipeline.store.result_changes import note_changed_imports
from orders_pipeline.store.schema import payments, refunds
from orders_pipeline.store.statements.bulk import add_to_rows
from orders_pipeline.store.statements.planner import any_join

REFUND = RefundKind.REFUND
PENDING, PROCESSING = RefundStatus.PENDING, RefundStatus.PROCESSING
COMPLETED, FAILED, CANCELLED = RefundStatus.COMPLETED, RefundStatus.FAILED, RefundStatus.CANCELLED


# The refund of money, and below its undo.


def complete(
    connection: Connection, transactions: Mapping[int, str | None], at: int, day: date | None
) -> int:
    """processing -> completed, for refunds by id with their transaction id; returns the number changed.

    Args:
        at: time at which the outcome was known, in microseconds since 1970.
        day: the KPI day; None: the day of each refund's order.
    """
    with any_join(connection):
        done = gather_ending(connection, transactions, PROCESSING)
        if not done.count:
            return 0
        of = done.table.c
        ended = {"status": COMPLETED, "settled_at": at, "day": of.order_day if day is None else day}
        _set(connection, done, PROCESSING, **ended, transaction_id=of.result, boards_due=of.kind == REFUND)
        take_from_customer_totals(connection, done.table)
        returned = gather_returned(connection, done)
        put_returned_on_shelf(connection, _restocked_units(connection, returned))
        take_from_product_totals(connection, returned)
        mark_days(connection, {*_days(connection, of.order_day), *([] if day is None else [day])})
        note_changed_imports(connection, select(of.import_id))
        record_refunds(connection, EventType.ORDER_REFUNDED, select(of.id))
    return done.count


def reverse(connection: Connection, failures: Mapping[int, str], at: int) -> int:
    """completed -> failed, for refunds by id with the reason; returns the number changed."""
    with any_join(connection):
        undone = gather_ending(connection, failures, COMPLETED)
        if not undone.count:
            return 0
        of = undone.table.c
        ended = {"status": FAILED, "settled_at": at, "day": None}
        _set(connection, undone, COMPLETED, **ended, failure=of.result, boards_due=of.kind == REFUND)
        _leave(connection, undone)
        put_back_into_customer_totals(connection, undone.table)
        returned = gather_returned(connection, undone)
        undo_return(connection, _restocked_units(connection, returned))
        put_back_into_product_totals(connection, returned)
        mark_days(connection, {*_days(connection, of.order_day), *_days(connection, of.day)})
        note_changed_imports(connection, select(of.import_id))
        record_refunds(connection, EventType.REFUND_FAILED, select(of.id))
    return undone.count


# The ends without a refund: the gateway refused, or was not called.


def fail(connection: Connection, failures: Mapping[int, str], at: int) -> int:
    """processing -> failed, for refunds by id with the reason; returns the number changed."""
    with any_join(connection):
        failed = gather_ending(connection, failures, PROCESSING)
        if failed.count:
            of = failed.table.c
            _set(connection, failed, PROCESSING, status=FAILED, settled_at=at, failure=of.result)
            _leave(connection, failed)
            record_refunds(connection, EventType.REFUND_FAILED, select(of.id))
    return failed.count


def cancel(connection: Connection, ids: Collection[int], at: int) -> int:
    """pending -> cancelled; returns the number changed."""
    with any_join(connection):
        cancelled = gather_ending(connection, dict.fromkeys(ids), PENDING)
        if cancelled.count:
            _set(connection, cancelled, PENDING, status=CANCELLED, settled_at=at)
            _leave(connection, cancelled)
    return cancelled.count


def take(connection: Connection, amounts: pl.DataFrame) -> None:
    """Subtracts the amounts of refunds from what is left of their payments. `_leave` undoes this.

    Args:
        amounts: order_id, attempt and amount of each refund; the transaction must hold the locks of the
            payments.
    """
    sums = amounts.group_by("order_id", "attempt").agg(refunded=pl.col("amount").sum())
    sums = sums.select("refunded", "order_id", "attempt").sort("order_id")
    if sums.height:
        add_to_rows(connection, payments, sums.columns, sums.rows())


def _leave(connection: Connection, ended: Ending) -> None:
    of, p = ended.table.c, payments.c
    sums = (
        select(of.order_id, of.attempt, func.sum(of.amount).label("amount"))
        .where(of.kind == REFUND)
        .group_by(of.order_id, of.attempt)
        .subquery()
    )
    same = and_(p.order_id == sums.c.order_id, p.attempt == sums.c.attempt)
    lock_payments(connection, select(sums.c.order_id))
    connection.execute(update(payments).where(same).values(refunded=p.refunded - sums.c.amount))


def lock_payments(connection: Connection, order_ids: Select[int]) -> None:
    """Locks payments in the order of their orders, to avoid deadlocks.

    Transactions lock them before totals. SQLite has only one writer and needs no locks.
    """
    if connection.dialect.name == "postgresql":
        order_id = payments.c.order_id
        connection.execute(
            select(order_id).where(order_id.in_(order_ids)).order_by(order_id).with_for_update()
        )


def _restocked_units(connection: Connection, returned: Table) -> UnitsByProduct:
    goods = returned.c
    restocked = select(goods.product_id, func.sum(goods.restocked)).where(goods.restocked > 0)
    return note_units(connection, restocked.group_by(goods.product_id))


def _days(connection: Connection, day: Column[date]) -> Collection[date]:
    return connection.scalars(select(day).distinct()).all()


def _set(connection: Connection, ending: Ending, expected: RefundStatus, **values: Any) -> None:
    same = (refunds.c.id == ending.table.c.id, refunds.c.status == expected, ending.within(refunds.c.id))
    connection.execute(update(refunds).where(*same).values(values))
