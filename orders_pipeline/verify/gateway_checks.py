"""Compares orders, payments and the gateway's own journal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Connection, select

from orders_pipeline.base.model import OrderStatus, PaymentMethod, PaymentStatus
from orders_pipeline.payments.gateway import Charge, Declined, Outcome, Paid, PaymentGateway, idempotency_key
from orders_pipeline.store.schema import orders, payments, sources
from orders_pipeline.verify.check import Check, check_none

# The order stays in this status until the answer is saved. The import retries with the same key.
ANSWER_DUE = OrderStatus.PAYMENT_PROCESSING
ENTRIES = {
    "key": pl.String,
    "amount": pl.Int64,
    "currency": pl.String,
    "transaction_id": pl.String,
    "decline_reason": pl.String,
}
ROWS = {
    "order_id": pl.Int64,
    "attempt": pl.Int64,
    "key": pl.String,
    "order_status": pl.String,
    "total": pl.Int64,
    "order_currency": pl.String,
    "status": pl.String,
    "charged": pl.Int64,
    "transaction": pl.String,
    "reason": pl.String,
}
CAPTURED, BELONGING, AGREEING = (
    "completed_orders_are_captured_once",
    "captures_belong_to_completed_orders",
    "gateway_agrees_with_payments",
)
GATEWAY_CHECKS = {
    CAPTURED: "The gateway captured each completed order exactly once, with its total and currency.",
    BELONGING: "Each capture at the gateway belongs to a paid order.",
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
    return pl.concat([empty, *(pl.DataFrame(page, schema=ENTRIES, orient="row") for page in pages)])


def check_gateway(
    connection: Connection, gateway: PaymentGateway, journal: pl.DataFrame | None
) -> list[Check]:
    """Compares orders, payments and journal. A gateway without a journal confirms payments one by one."""
    if journal is None:
        nothing = [
            Check(name, True, "the gateway keeps no list of captures") for name in (CAPTURED, BELONGING)
        ]
        unconfirmed = chain.from_iterable(_not_held(part, gateway) for part in _payments(connection))
        return [*nothing, check_none(AGREEING, unconfirmed)]
    rows = pl.concat([pl.DataFrame(schema=ROWS), *_payments(connection)])
    captures = journal.filter(pl.col("transaction_id").is_not_null())
    return [
        check_none(CAPTURED, _wrongly_captured(rows, captures)),
        check_none(BELONGING, _without_order(rows, captures)),
        check_none(AGREEING, _not_held(_differing(rows, journal), gateway)),
    ]


def _payments(connection: Connection) -> Iterator[pl.DataFrame]:
    """All charges with their orders, and completed orders without a payment that owe something, in chunks."""
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
        )
        .join_from(orders, payments, payments.c.order_id == orders.c.id, isouter=True)
        .join(sources, sources.c.id == orders.c.source_id)
        .where(_charged() | _uncharged())
    )
    found = connection.execution_options(yield_per=10_000).execute(query).partitions()
    return (pl.DataFrame([_row(row) for row in part], schema=ROWS, orient="row") for part in found)


def _charged() -> ColumnElement[bool]:
    return payments.c.method == PaymentMethod.GATEWAY


def _uncharged() -> ColumnElement[bool]:
    without = payments.c.attempt.is_(None) & (orders.c.total > 0)
    return without & (orders.c.status == OrderStatus.COMPLETED)


def _row(row: Any) -> tuple[Any, ...]:
    order_id, attempt, source, number, *rest = row
    return order_id, attempt, idempotency_key(source, number, attempt or 1), *rest


def _wrongly_captured(rows: pl.DataFrame, captures: pl.DataFrame) -> Rows:
    completed = rows.filter(pl.col("order_status") == OrderStatus.COMPLETED)
    captured = completed.join(captures, on="key", how="left")
    by_order = captured.group_by("order_id", "order_currency", "total").agg(
        key=pl.col("key").first(),
        captures=pl.col("transaction_id").count(),
        captured=pl.col("amount").sum(),
        currency=pl.col("currency").drop_nulls().first(),
    )
    wrong = by_order.filter(
        (pl.col("captures") != 1)
        | (pl.col("captured") != pl.col("total"))
        | (pl.col("currency") != pl.col("order_currency"))
    )
    return wrong.drop("order_id").iter_rows(named=True)


def _without_order(rows: pl.DataFrame, captures: pl.DataFrame) -> Rows:
    right = rows.filter(pl.col("order_status").is_in([OrderStatus.COMPLETED, ANSWER_DUE]))
    orphans = captures.join(right, on="key", how="anti")
    return orphans.select("key", "transaction_id", "amount", "currency").iter_rows(named=True)


def _differing(rows: pl.DataFrame, journal: pl.DataFrame) -> pl.DataFrame:
    """Payments that differ from the journal, including payments newer than the journal."""
    same = (
        rows.join(journal, on="key", how="inner")
        .filter(
            pl.col("charged") == pl.col("amount"),
            pl.col("order_currency") == pl.col("currency"),
            pl.col("transaction").eq_missing(pl.col("transaction_id")),
            pl.col("reason").eq_missing(pl.col("decline_reason")),
        )
        .select("order_id", "attempt")
    )
    return rows.join(same, on=["order_id", "attempt"], how="anti")


def _not_held(rows: pl.DataFrame, gateway: PaymentGateway) -> Rows:
    answered = rows.filter(pl.col("status").is_in([PaymentStatus.SUCCEEDED, PaymentStatus.DECLINED]))
    for row in answered.iter_rows(named=True):
        if not gateway.holds(_claimed(row)):
            yield {"payment": row["key"], "status": row["status"], "transaction": row["transaction"]}


def _claimed(row: dict[str, Any]) -> Outcome:
    charge = Charge(row["order_id"], row["attempt"], row["key"], row["charged"], row["order_currency"])
    if row["status"] == PaymentStatus.SUCCEEDED:
        return Paid(charge, row["transaction"])
    return Declined(charge, row["reason"])
