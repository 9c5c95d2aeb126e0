"""Compares refunds with the gateway's own journal of refunds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, and_, select

from orders_pipeline.base.model import PaymentMethod, RefundKind, RefundStatus
from orders_pipeline.payments.gateway import (
    PaymentGateway,
    Refund,
    Refunded,
    RefundEntry,
    RefundFailed,
    RefundOutcome,
    refund_key,
)
from orders_pipeline.store.schema import orders, payments, refunds
from orders_pipeline.verify.check import Check, check_none

AGREEING, BELONGING = "gateway_agrees_with_refunds", "money_given_back_belongs_to_refunds"
REFUND_CHECKS = {
    AGREEING: "The gateway's own journal records each settled refund with the same outcome and amount.",
    BELONGING: "Each refund that the gateway made belongs to a refund that is completed or requested.",
}
Journal = Mapping[str, RefundEntry]
Rows = Iterator[dict[str, Any]]


def read_refund_journal(gateway: PaymentGateway) -> Journal | None:
    """The gateway's refunds by key; None if the gateway keeps no journal.

    Read it before the snapshot of the store, so that the store has an intent for every refund.

    Raises:
        GatewayUnavailableError: the gateway does not answer.
    """
    pages = gateway.refund_journal()
    return None if pages is None else {entry.key: entry for page in pages for entry in page}


def check_refunds(connection: Connection, gateway: PaymentGateway, journal: Journal | None) -> list[Check]:
    """Compares refunds and journal. A gateway without a journal confirms refunds one by one."""
    if journal is None:
        nothing = Check(BELONGING, True, "the gateway keeps no list of refunds")
        return [check_none(AGREEING, _not_held(connection, gateway)), nothing]
    return [
        check_none(AGREEING, _differing(connection, gateway, journal)),
        check_none(BELONGING, _without_refund(connection, journal)),
    ]


def _not_held(connection: Connection, gateway: PaymentGateway) -> Rows:
    for outcome, _ in _settled(connection):
        if not gateway.holds(outcome):
            yield _example(outcome)


def _differing(connection: Connection, gateway: PaymentGateway, journal: Journal) -> Rows:
    for outcome, came_back in _settled(connection):
        entry = journal.get(outcome.refund.key)
        # A refund that is newer than the journal is looked up separately.
        if not (entry and _is_same(outcome, entry, came_back)) and not gateway.holds(outcome):
            yield _example(outcome)


def _is_same(outcome: RefundOutcome, entry: RefundEntry, came_back: bool) -> bool:
    asked = outcome.refund
    same = (entry.charge, entry.amount, entry.currency) == (
        asked.transaction_id,
        asked.amount,
        asked.currency,
    )
    if isinstance(outcome, Refunded):
        # For a refund whose money came back, the gateway may report a failure, or still a success.
        made = came_back or entry.status is RefundStatus.COMPLETED
        return same and made and entry.transaction_id == outcome.transaction_id
    return same and entry.status is RefundStatus.FAILED and entry.reason == outcome.reason


def _without_refund(connection: Connection, journal: Journal) -> Rows:
    """Refunds in the journal that went through, without one in the store that explains it."""
    may_be_made = {outcome.refund.key for outcome, _ in _settled(connection) if isinstance(outcome, Refunded)}
    may_be_made |= {asked.key for asked, *_ in _asked(connection, RefundStatus.PROCESSING)}
    for key, entry in journal.items():
        if entry.status is RefundStatus.COMPLETED and key not in may_be_made:
            yield {"refund": key, "charge": entry.charge, "amount": entry.amount, "currency": entry.currency}


def _settled(connection: Connection) -> Iterator[tuple[RefundOutcome, bool]]:
    """Outcomes as the store has them, and whether the money came back after the refund had been made."""
    for asked, transaction_id, failure in _asked(connection, RefundStatus.COMPLETED, RefundStatus.FAILED):
        if transaction_id is not None:
            yield Refunded(asked, transaction_id), failure is not None
        elif failure is not None:
            yield RefundFailed(asked, failure), False


def _asked(
    connection: Connection, *statuses: RefundStatus
) -> Iterator[tuple[Refund, str | None, str | None]]:
    r, of_payment = refunds.c, payments.c
    query = (
        select(r.id, r.refund_id, r.round, of_payment.transaction_id, r.amount, orders.c.currency)
        .add_columns(r.transaction_id, r.failure)
        .join(payments, and_(of_payment.order_id == r.order_id, of_payment.attempt == r.attempt))
        .join(orders, orders.c.id == r.order_id)
        .where(r.status.in_(statuses), r.kind == RefundKind.REFUND)
        .where(r.method == PaymentMethod.GATEWAY, r.amount > 0)
    )
    for row in connection.execute(query.execution_options(yield_per=10_000)):
        number, refund_id, attempt, charge, amount, currency, transaction_id, failure = row
        key = refund_key(refund_id, attempt)
        yield Refund(number, key, charge, amount, currency, asked_before=True), transaction_id, failure


def _example(outcome: RefundOutcome) -> dict[str, Any]:
    transaction = outcome.transaction_id if isinstance(outcome, Refunded) else None
    return {"refund": outcome.refund.key, "amount": outcome.refund.amount, "transaction": transaction}
