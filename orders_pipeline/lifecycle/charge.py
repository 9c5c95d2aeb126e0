"""Charge payments: note the intent, ask the gateway, save each answer as it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from operator import itemgetter

from sqlalchemy import Engine, func, insert, literal, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import OrderStatus, PaymentStatus, Window
from orders_pipeline.lifecycle.batch import (
    Batch,
    BatchKey,
    count_moves,
    get_batch,
    join_windows_by_hash,
    lock_batch,
    orders_in,
)
from orders_pipeline.lifecycle.settling import of_current_attempt, payments_in
from orders_pipeline.payments.gateway import Charge, Outcome, Paid, PaymentGateway, idempotency_key
from orders_pipeline.store.bulk import update_rows
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import orders, payments, sources

RESERVED, PAYMENT_PROCESSING = OrderStatus.RESERVED, OrderStatus.PAYMENT_PROCESSING
SUCCEEDED, DECLINED = PaymentStatus.SUCCEEDED.value, PaymentStatus.DECLINED.value
SAVE_EVERY_SECONDS = 0.5
ANSWER = ["status", "transaction_id", "decline_reason", "answered_at", "order_id", "attempt"]


@dataclass(frozen=True, slots=True)
class Answers:
    """How many orders of a batch wait for their end, by what the gateway said."""

    paid: int
    declined: int


def charge_payments(
    engine: Engine, gateway: PaymentGateway, key: BatchKey, transaction_orders: int
) -> Answers:
    """Charges each reserved order of a batch, and those whose answer an earlier try did not save.

    Raises:
        ConnectionError: the gateway cannot be reached; charging again is safe.
    """
    batch = get_batch(engine, key)
    if batch.counts[RESERVED]:
        for window in batch.windows(transaction_orders):
            _note_intents(engine, key, window)
    if unanswered := _unanswered(engine, batch):
        asyncio.run(_charge(engine, gateway, key, unanswered, transaction_orders))
    return _answers(engine, batch)


def _answers(engine: Engine, batch: Batch) -> Answers:
    query = (
        select(payments.c.status, func.count())
        .join(orders, of_current_attempt)
        .where(orders_in(batch.window, PAYMENT_PROCESSING), payments_in(batch.window, *PaymentStatus))
        .group_by(payments.c.status)
    )
    with reading(engine) as connection:
        join_windows_by_hash(connection)
        numbers: dict[str, int] = dict(connection.execute(query).all())
    return Answers(numbers.get(PaymentStatus.SUCCEEDED, 0), numbers.get(PaymentStatus.DECLINED, 0))


def _note_intents(engine: Engine, key: BatchKey, window: Window) -> None:
    with engine.begin() as connection:
        lock_batch(connection, key)
        intents = select(
            orders.c.id,
            orders.c.attempt,
            orders.c.total,
            literal(PaymentStatus.PROCESSING),
            literal(now_us()),
        ).where(orders_in(window, RESERVED))
        columns = ["order_id", "attempt", "amount", "status", "requested_at"]
        noted = connection.execute(insert(payments).from_select(columns, intents)).rowcount
        if noted:
            moved = update(orders).where(orders_in(window, RESERVED)).values(status=PAYMENT_PROCESSING)
            connection.execute(moved)
            count_moves(connection, key, {RESERVED: -noted, PAYMENT_PROCESSING: noted})


def _unanswered(engine: Engine, batch: Batch) -> list[Charge]:
    query = (
        select(
            orders.c.id,
            orders.c.attempt,
            sources.c.name,
            orders.c.number,
            payments.c.amount,
            orders.c.currency,
        )
        .join(payments, of_current_attempt)
        .join(sources, sources.c.id == orders.c.source_id)
        .where(orders_in(batch.window, PAYMENT_PROCESSING))
        .where(payments_in(batch.window, PaymentStatus.PROCESSING))
        .order_by(orders.c.id)
    )
    with reading(engine) as connection:
        join_windows_by_hash(connection)
        return [
            Charge(order_id, attempt, idempotency_key(source, number, attempt), amount, currency)
            for order_id, attempt, source, number, amount, currency in connection.execute(query).all()
        ]


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
                    await asyncio.to_thread(_save, engine, key, unsaved)
                    unsaved = []
                    saved_at = time.monotonic()
    finally:
        # A gateway that breaks off has answered some: those answers stand.
        _save(engine, key, unsaved)


def _save(engine: Engine, key: BatchKey, outcomes: Sequence[Outcome]) -> None:
    """Writes the gateway's answers, of which one already known stays as it is."""
    if not outcomes:
        return
    now = now_us()
    # Before the transaction, for which others wait.
    rows = sorted((_row(outcome, now) for outcome in outcomes), key=itemgetter(-2))
    with engine.begin() as connection:
        lock_batch(connection, key)
        answered = update_rows(connection, payments, ANSWER, rows, expected=PaymentStatus.PROCESSING)
        count_moves(connection, key, {}, answered=answered)


def _row(outcome: Outcome, now: int) -> tuple[str, str | None, str | None, int, int, int]:
    order_id, attempt = outcome.charge.order_id, outcome.charge.attempt
    if isinstance(outcome, Paid):
        return SUCCEEDED, outcome.transaction_id, None, now, order_id, attempt
    return DECLINED, None, outcome.reason, now, order_id, attempt
