"""Charges payments: stores the intent, asks the gateway, and saves each answer as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, case, func, or_, select

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import OrderStatus, PaymentStatus, Window
from orders_pipeline.lifecycle.batch import Batch, BatchKey, BatchWork, batch_work, get_batch, walk
from orders_pipeline.lifecycle.order_lifecycle import authorize, request_payment
from orders_pipeline.lifecycle.traced_charges import traced_charges
from orders_pipeline.payments.gateway import (
    Authorized,
    Charge,
    Declined,
    Outcome,
    PaymentGateway,
    idempotency_key,
)
from orders_pipeline.payments.saving import save_as_they_arrive
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import home, order_payers, orders, payments, sources
from orders_pipeline.store.statements.bulk import update_rows
from orders_pipeline.store.statements.order_sets import in_status, of_current_attempt
from orders_pipeline.store.statements.planner import join_windows_by_hash

SUCCEEDED, DECLINED = PaymentStatus.SUCCEEDED.value, PaymentStatus.DECLINED.value
AUTHORIZED = PaymentStatus.AUTHORIZED.value
# The most by which the clocks of the shop and of this machine may differ, time zones included.
CLOCKS_DIFFER_US = 2 * 86_400_000_000
ANSWER = ["status", "transaction_id", "decline_reason", "answered_at", "order_id", "attempt"]


@dataclass(frozen=True, slots=True)
class Answers:
    """How many orders of a batch are paid or declined, and wait to be finalized or rolled back.

    Attributes:
        authorized: how many wait to be captured.
    """

    paid: int
    declined: int
    authorized: int = 0


def charge_payments(
    engine: Engine, gateway: PaymentGateway, key: BatchKey, transaction_orders: int, *, capture: bool = True
) -> Answers:
    """Charges each reserved order of a batch, and asks for the outcomes that an earlier try did not save.

    Args:
        capture: whether money is taken at once; otherwise it is only held.

    Raises:
        ConnectionError: the gateway cannot be reached; charging again is safe.
    """
    if unanswered := open_charges(engine, key, transaction_orders, capture=capture):
        saving = partial(save_answers, engine, key)
        outcomes = traced_charges(gateway.charge(unanswered))
        asyncio.run(save_as_they_arrive(outcomes, saving, transaction_orders))
    return _answers(engine, get_batch(engine, key))


def open_charges(
    engine: Engine, key: BatchKey, transaction_orders: int, *, capture: bool = True
) -> list[Charge]:
    """Stores the intent to charge each reserved order of a batch; returns all charges without an outcome."""
    requested_now: set[int] = set()

    def request(work: BatchWork) -> None:
        requested_now.add(request_payment(work))

    batch = walk(engine, key, transaction_orders, OrderStatus.RESERVED, request)
    return _unanswered(engine, batch, requested_now, capture)


def _answers(engine: Engine, batch: Batch) -> Answers:
    query = _of_waiting(batch, payments.c.status, func.count()).group_by(payments.c.status)
    with reading(engine) as connection:
        join_windows_by_hash(connection)
        numbers: dict[str, int] = dict(connection.execute(query).all())
    paid, declined = numbers.get(PaymentStatus.SUCCEEDED, 0), numbers.get(PaymentStatus.DECLINED, 0)
    return Answers(paid, declined, batch.counts[OrderStatus.AUTHORIZED])


def _unanswered(engine: Engine, batch: Batch, requested_now: Iterable[int], capture: bool) -> list[Charge]:
    columns = (
        orders.c.id,
        orders.c.attempt,
        sources.c.name,
        orders.c.number,
        payments.c.amount,
        orders.c.currency,
        _may_be_charged(requested_now),
        order_payers.c.payment_method,
        order_payers.c.customer_ref,
        _asked_since(),
    )
    query = (
        _of_waiting(batch, *columns)
        .join(sources, sources.c.id == orders.c.source_id)
        .outerjoin(order_payers, order_payers.c.order_id == orders.c.id)
        .where(payments.c.status == PaymentStatus.PROCESSING)
        .order_by(orders.c.id)
    )
    with reading(engine) as connection:
        join_windows_by_hash(connection)
        return _charges(connection.execute(query).all(), capture)


def _charges(rows: Iterable[Sequence[Any]], capture: bool) -> list[Charge]:
    # Unpacked by position: access by column name takes three times as long.
    return [
        Charge(
            order_id,
            attempt,
            idempotency_key(source, number, attempt),
            amount,
            currency,
            bool(asked),
            capture,
            method or "",
            customer or "",
            since_us // 1_000_000,
        )
        for order_id, attempt, source, number, amount, currency, asked, method, customer, since_us in rows
    ]


def _may_be_charged(requested_now: Iterable[int]) -> ColumnElement[bool]:
    """Whether the gateway may have an earlier request for the order.

    This is so if an earlier try stored the intent, or if this is not the first attempt. After a restore,
    attempts may be missing, so only orders placed after it are certain to have had no charge before it.
    """
    restored = select(home.c.restored_at).scalar_subquery()
    return or_(
        orders.c.attempt > 1,
        payments.c.requested_at.not_in(list(requested_now)),
        orders.c.ordered_at < func.coalesce(restored, 0) + CLOCKS_DIFFER_US,
    )


def _asked_since() -> ColumnElement[int]:
    """The earliest time at which the gateway can have got a request for the order, in microseconds.

    After a restore, attempts may be missing, but an order is placed before it is charged.
    """
    earlier = payments.alias()
    first = select(func.min(earlier.c.requested_at)).where(earlier.c.order_id == orders.c.id)
    restored = select(home.c.restored_at).scalar_subquery()
    return case(
        (
            orders.c.ordered_at < func.coalesce(restored, 0) + CLOCKS_DIFFER_US,
            orders.c.ordered_at - CLOCKS_DIFFER_US,
        ),
        (orders.c.attempt > 1, first.scalar_subquery()),
        else_=payments.c.requested_at,
    )


def _of_waiting(batch: Batch, *columns: ColumnElement[Any]) -> Select[Any]:
    """Query of the orders of a batch in payment, with the payment of their current attempt."""
    waiting = in_status(batch.window, OrderStatus.PAYMENT_PROCESSING)
    joined = select(*columns).select_from(orders).join(payments, of_current_attempt(payments))
    return joined.where(waiting.here, waiting.within(payments.c.order_id))


def save_answers(engine: Engine, key: BatchKey, outcomes: Sequence[Outcome]) -> None:
    """Saves outcomes, and moves authorized orders. An outcome that was saved before does not change."""
    if not outcomes:
        return
    now = now_us()
    # Prepared before the transaction, because other transactions wait while it lasts.
    rows = sorted((_row(outcome, now) for outcome in outcomes), key=itemgetter(-2))
    ids = Window(rows[0][-2], rows[-1][-2])
    with engine.begin() as connection, batch_work(connection, key, ids) as work:
        answered = update_rows(connection, payments, ANSWER, rows, expected=PaymentStatus.PROCESSING)
        work.count(answered=answered)
        if any(row[0] == AUTHORIZED for row in rows):
            authorize(work, now)


def _row(outcome: Outcome, now: int) -> tuple[str, str | None, str | None, int, int, int]:
    order_id, attempt = outcome.charge.order_id, outcome.charge.attempt
    if isinstance(outcome, Declined):
        return DECLINED, None, outcome.reason, now, order_id, attempt
    status = AUTHORIZED if isinstance(outcome, Authorized) else SUCCEEDED
    return status, outcome.transaction_id, None, now, order_id, attempt
