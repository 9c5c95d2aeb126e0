"""Compares orders, payments and the gateway's own journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import polars as pl
from sqlalchemy import ColumnElement, Connection, select

from orders_pipeline.base.model import AuthorizationStatus, OrderStatus, PaymentMethod, PaymentStatus
from orders_pipeline.payments.gateway import (
    VOIDED,
    Authorized,
    Charge,
    Declined,
    Outcome,
    Paid,
    PaymentGateway,
    idempotency_key,
)
from orders_pipeline.store.schema import authorizations, orders, payments, sources
from orders_pipeline.store.statements.raw_rows import chunks_of
from orders_pipeline.verify.check import Check, check_none

# The order stays in this status until the answer is saved. The import retries with the same key.
ANSWER_DUE = OrderStatus.PAYMENT_PROCESSING
ENTRIES = {
    "key": pl.String,
    "amount": pl.Int64,
    "currency": pl.String,
    "transaction_id": pl.String,
    "decline_reason": pl.String,
    "stands": pl.String,
}
# As plain texts, which compare faster, a million times.
SUCCEEDED, HELD = PaymentStatus.SUCCEEDED.value, PaymentStatus.AUTHORIZED.value
RELEASED = (PaymentStatus.VOIDED.value, PaymentStatus.CAPTURE_DECLINED.value)
BEING_CAPTURED = AuthorizationStatus.PROCESSING.value
# A capture that was declined releases the money, as a void does.
STANDS = {PaymentStatus.CAPTURE_DECLINED.value: PaymentStatus.VOIDED.value}


class PaymentRow(NamedTuple):
    """A charge with its order, or a completed order without one, whose payment is empty.

    Attributes:
        authorization: status of its authorization, if it was to be captured later.
    """

    order_id: int
    attempt: int | None
    key: str
    order_status: str
    total: int
    order_currency: str
    status: str | None
    charged: int | None
    transaction: str | None
    reason: str | None
    authorization: str | None


NUMBERS = ("order_id", "attempt", "total", "charged")
ROWS = {name: pl.Int64 if name in NUMBERS else pl.String for name in PaymentRow._fields}
# The money may have been taken for another attempt than the one that the store shows as paid.
ORDER_OF_KEY = pl.col("key").str.replace("/[0-9]+$", "")
CAPTURED, BELONGING, HOLDING, AGREEING = (
    "completed_orders_are_captured_once",
    "captures_belong_to_completed_orders",
    "money_held_belongs_to_authorized_orders",
    "gateway_agrees_with_payments",
)
GATEWAY_CHECKS = {
    CAPTURED: "The gateway captured each completed order exactly once, with its total and currency.",
    BELONGING: "Each capture at the gateway belongs to a paid order.",
    HOLDING: "The gateway holds money only for authorized orders.",
    AGREEING: "The gateway's own journal records each answered payment with the same outcome.",
}
Rows = Iterator[dict[str, Any]]


def read_journal(gateway: PaymentGateway) -> pl.DataFrame | None:
    """The gateway's journal; None if the gateway keeps none.

    Read it before the snapshot of the store, so that the store has an intent for every charge.

    Raises:
        GatewayUnavailableError: the gateway does not answer.
    """
    pages = gateway.journal()
    if pages is None:
        return None
    empty = pl.DataFrame(schema=ENTRIES)
    journal = pl.concat([empty, *(pl.DataFrame(page, schema=ENTRIES, orient="row") for page in pages)])
    return journal.with_columns(order=ORDER_OF_KEY)


def check_gateway(
    connection: Connection, gateway: PaymentGateway, journal: pl.DataFrame | None
) -> list[Check]:
    """Compares orders, payments and journal. A gateway without a journal confirms payments one by one."""
    if journal is None:
        nothing = [
            Check(name, True, "the gateway keeps no list of charges")
            for name in (CAPTURED, BELONGING, HOLDING)
        ]
        every = chain.from_iterable(_payments(connection))
        return [*nothing, check_none(AGREEING, _not_held(every, gateway))]
    frames = (pl.DataFrame(part, schema=ROWS, orient="row") for part in _payments(connection))
    rows = pl.concat([pl.DataFrame(schema=ROWS), *frames]).with_columns(order=ORDER_OF_KEY)
    captures = journal.filter(pl.col("stands") == PaymentStatus.SUCCEEDED)
    holds = journal.filter(pl.col("stands") == PaymentStatus.AUTHORIZED)
    return [
        check_none(CAPTURED, _wrongly_captured(rows, captures, gateway)),
        check_none(BELONGING, _without_order(rows, captures)),
        check_none(HOLDING, _held_for_nobody(rows, holds, gateway)),
        check_none(AGREEING, _not_held(_differing(rows, journal), gateway)),
    ]


def _payments(connection: Connection) -> Iterator[list[PaymentRow]]:
    """All charges with their orders, and completed orders without a payment that owe something, in chunks."""
    a = authorizations.c
    of_payment = (a.order_id == payments.c.order_id) & (a.attempt == payments.c.attempt)
    query = (
        select(
            orders.c.id,
            payments.c.attempt,
            sources.c.name,
            orders.c.number,
            orders.c.status,
            orders.c.total,
            orders.c.currency,
            payments.c.status,
            payments.c.amount,
            payments.c.transaction_id,
            payments.c.decline_reason,
            authorizations.c.status,
        )
        .join_from(orders, payments, payments.c.order_id == orders.c.id, isouter=True)
        .join(sources, sources.c.id == orders.c.source_id)
        .outerjoin(authorizations, of_payment)
        .where(_charged() | _uncharged())
    )
    return ([_row(*row) for row in part] for part in chunks_of(connection, query))


def _charged() -> ColumnElement[bool]:
    return payments.c.method == PaymentMethod.GATEWAY


def _uncharged() -> ColumnElement[bool]:
    without = payments.c.attempt.is_(None) & (orders.c.total > 0)
    return without & (orders.c.status == OrderStatus.COMPLETED)


def _row(order_id: int, attempt: int | None, source: str, number: str, *rest: Any) -> PaymentRow:
    return PaymentRow(order_id, attempt, idempotency_key(source, number, attempt or 1), *rest)


def _wrongly_captured(rows: pl.DataFrame, captures: pl.DataFrame, gateway: PaymentGateway) -> Rows:
    completed = rows.filter(pl.col("order_status") == OrderStatus.COMPLETED).unique("order_id", keep="last")
    captured = completed.drop("key").join(captures, on="order", how="left")
    by_order = captured.group_by("order", "order_currency", "total").agg(
        key=pl.col("key").drop_nulls().first(),
        captures=pl.col("transaction_id").count(),
        captured=pl.col("amount").sum(),
        currency=pl.col("currency").drop_nulls().first(),
    )
    wrong = by_order.filter(
        (pl.col("captures") != 1)
        | (pl.col("captured") != pl.col("total"))
        | (pl.col("currency") != pl.col("order_currency"))
    )
    for row in wrong.iter_rows(named=True):
        # An order that was completed after the journal was read is looked up separately.
        of_order = completed.filter(pl.col("order") == row["order"]).select(PaymentRow._fields).iter_rows()
        claimed = [_claimed(PaymentRow._make(one)) for one in of_order] if not row["captures"] else []
        if not any(isinstance(one, Paid) and gateway.holds(one) for one in claimed):
            yield row


def _without_order(rows: pl.DataFrame, captures: pl.DataFrame) -> Rows:
    being_captured = pl.col("authorization") == AuthorizationStatus.PROCESSING
    right = rows.filter(
        pl.col("order_status").is_in([OrderStatus.COMPLETED, ANSWER_DUE])
        | ((pl.col("order_status") == OrderStatus.AUTHORIZED) & being_captured)
    )
    orphans = captures.join(right, on="order", how="anti")
    return orphans.select("key", "transaction_id", "amount", "currency").iter_rows(named=True)


def _held_for_nobody(rows: pl.DataFrame, holds: pl.DataFrame, gateway: PaymentGateway) -> Rows:
    """Money that the gateway still holds, although no order that may be authorized explains it."""
    right = rows.filter(pl.col("order_status").is_in([OrderStatus.AUTHORIZED, ANSWER_DUE]))
    orphans = holds.join(right, on="order", how="anti")
    for row in orphans.select("key", "transaction_id", "amount", "currency").iter_rows(named=True):
        charge = Charge(0, 0, row["key"], row["amount"], row["currency"])
        if gateway.holds(Authorized(charge, row["transaction_id"])):
            yield row


def _differing(rows: pl.DataFrame, journal: pl.DataFrame) -> Iterator[PaymentRow]:
    """Payments that differ from the journal, including payments newer than the journal."""
    stands = pl.col("status").replace(STANDS) == pl.col("stands")
    captured = (pl.col("transaction") == pl.col("transaction_id")) & stands
    declined = (pl.col("key") == pl.col("key_right")) & (pl.col("reason") == pl.col("decline_reason"))
    same = (
        rows.join(journal, on="order", how="inner")
        .filter(
            pl.col("charged") == pl.col("amount"),
            pl.col("order_currency") == pl.col("currency"),
            captured | declined,
        )
        .select("order_id", "attempt")
    )
    differing = rows.join(same, on=["order_id", "attempt"], how="anti")
    return map(PaymentRow._make, differing.select(PaymentRow._fields).iter_rows())


def _not_held(rows: Iterable[PaymentRow], gateway: PaymentGateway) -> Rows:
    for row in rows:
        claimed = _claimed(row)
        if claimed and not gateway.holds(claimed):
            yield {"payment": row.key, "status": row.status, "transaction": row.transaction}


def _claimed(row: PaymentRow) -> Outcome | None:
    """The outcome that the store says the gateway gave; None if there is none yet."""
    if row.attempt is None or row.charged is None:
        return None
    if row.status == HELD and row.authorization == BEING_CAPTURED:
        return None
    charge = Charge(row.order_id, row.attempt, row.key, row.charged, row.order_currency)
    if row.status in RELEASED:
        return Declined(charge, VOIDED)
    if row.transaction is not None:
        return (Paid if row.status == SUCCEEDED else Authorized)(charge, row.transaction)
    return Declined(charge, row.reason) if row.reason is not None else None
