"""Charges payments: stores the intent, asks the gateway, and saves each answer as it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, func, select

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import OrderStatus, PaymentStatus, Window
from orders_pipeline.lifecycle.batch import Batch, BatchKey, batch_work, walk
from orders_pipeline.lifecycle.order_lifecycle import request_payment
from orders_pipeline.payments.gateway import Charge, Outcome, Paid, PaymentGateway, idempotency_key
from orders_pipeline.store.bulk import update_rows
from orders_pipeline.store.engine import reading
from orders_pipeline.store.order_sets import in_status, of_current_attempt
from orders_pipeline.store.planner import join_windows_by_hash
from orders_pipeline.store.schema import orders, payments, sources

SUCCEEDED, DECLINED = PaymentStatus.SUCCEEDED.value, PaymentStatus.DECLINED.value
SAVE_EVERY_SECONDS = 0.5
ANSWER = ["status", "transaction_id", "decline_reason", "answered_at", "order_id", "attempt"]


@dataclass(frozen=True, slots=True)
class Answers:
    """How many orders of a batch are paid or declined, and wait to be finalized or rolled back."""

    paid: int
    declined: int


def charge_payments(
    engine: Engine, gateway: PaymentGateway, key: BatchKey, transaction_orders: int
) -> Answers:
    """Charges each reserved order of a batch, and asks for the outcomes that an earlier try did not save.

    Raises:
        ConnectionError: the gateway cannot be reached; charging again is safe.
    """
    batch = _requested(engine, key, transaction_orders)
    if unanswered := _unanswered(engine, batch):
        asyncio.run(_charge(engine, gateway, key, unanswered, transaction_orders))
    return _answers(engine, batch)


def open_charges(engine: Engine, key: BatchKey, transaction_orders: int) -> list[Charge]:
    """Stores the intent to charge each reserved order of a batch; returns all charges without an outcome."""
    return _unanswered(engine, _requested(engine, key, transaction_orders))


def _requested(engine: Engine, key: BatchKey, transaction_orders: int) -> Batch:
    return walk(engine, key, transaction_orders, OrderStatus.RESERVED, request_payment)


def _answers(engine: Engine, batch: Batch) -> Answers:
    query = _of_waiting(batch, payments.c.status, func.count()).group_by(payments.c.status)
    with reading(engine) as connection:
        join_windows_by_hash(connection)
        numbers: dict[str, int] = dict(connection.execute(query).all())
    return Answers(numbers.get(PaymentStatus.SUCCEEDED, 0), numbers.get(PaymentStatus.DECLINED, 0))


def _unanswered(engine: Engine, batch: Batch) -> list[Charge]:
    columns = (
        orders.c.id,
        orders.c.attempt,
        sources.c.name,
        orders.c.number,
        payments.c.amount,
        orders.c.currency,
    )
    query = (
        _of_waiting(batch, *columns)
        .join(sources, sources.c.id == orders.c.source_id)
        .where(payments.c.status == PaymentStatus.PROCESSING)
        .order_by(orders.c.id)
    )
    with reading(engine) as connection:
        join_windows_by_hash(connection)
        return [
            Charge(order_id, attempt, idempotency_key(source, number, attempt), amount, currency)
            for order_id, attempt, source, number, amount, currency in connection.execute(query).all()
        ]


def _of_waiting(batch: Batch, *columns: ColumnElement[Any]) -> Select[Any]:
    """Query of the orders of a batch that wait for their end, with the payment of their current attempt."""
    waiting = in_status(batch.window, OrderStatus.PAYMENT_PROCESSING)
    joined = select(*columns).select_from(orders).join(payments, of_current_attempt(payments))
    return joined.where(waiting.here, waiting.within(payments.c.order_id))


async def _charge(
    engine: Engine, gateway: PaymentGateway, key: BatchKey, charges: Sequence[Charge], transaction_orders: int
) -> None:
    unsaved: list[Outcome] = []
    saved_at = time.monotonic()
    try:
        async with aclosing(gateway.charge(charges)) as answered:
            async for outcomes in answered:
                unsaved.extend(outcomes)
                if len(unsaved) >= transaction_orders or time.monotonic() - saved_at >= SAVE_EVERY_SECONDS:
                    # In a thread, so that open requests do not time out while the store is busy.
                    await asyncio.to_thread(save_answers, engine, key, unsaved)
                    unsaved = []
                    saved_at = time.monotonic()
    finally:
        # A gateway that breaks off has answered some charges: those outcomes are kept.
        save_answers(engine, key, unsaved)


def save_answers(engine: Engine, key: BatchKey, outcomes: Sequence[Outcome]) -> None:
    """Saves outcomes. An outcome that is saved already stays as it is."""
    if not outcomes:
        return
    now = now_us()
    # Before the transaction, because others wait for it.
    rows = sorted((_row(outcome, now) for outcome in outcomes), key=itemgetter(-2))
    ids = Window(rows[0][-2], rows[-1][-2])
    with engine.begin() as connection, batch_work(connection, key, ids) as work:
        answered = update_rows(connection, payments, ANSWER, rows, expected=PaymentStatus.PROCESSING)
        work.count(answered=answered)


def _row(outcome: Outcome, now: int) -> tuple[str, str | None, str | None, int, int, int]:
    order_id, attempt = outcome.charge.order_id, outcome.charge.attempt
    if isinstance(outcome, Paid):
        return SUCCEEDED, outcome.transaction_id, None, now, order_id, attempt
    return DECLINED, None, outcome.reason, now, order_id, attempt
