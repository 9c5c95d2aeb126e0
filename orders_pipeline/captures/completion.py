r"""What the end of an authorization changes, for the orders of one batch.

    open -> pending -> processing -> captured      the order is completed
      ^                    |  \----> declined      the order is rolled back: its capture was declined
      |                    \------> voided        the order is rolled back: cancelled, or not captured in time
      \--------------------/                       the gateway refused, and still holds the money

The row of the authorization, the payment, and the order with its stock and totals change in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, update

from orders_pipeline.base.model import AuthorizationStatus, PaymentStatus
from orders_pipeline.lifecycle.batch import BatchWork
from orders_pipeline.lifecycle.order_lifecycle import complete_captured, roll_back_uncaptured
from orders_pipeline.payments.gateway import (
    Captured,
    CaptureDeclined,
    CaptureOutcome,
    Voided,
    VoidFailed,
    VoidOutcome,
    is_refusal,
)
from orders_pipeline.store.schema import authorizations, payments
from orders_pipeline.store.statements.bulk import update_rows

Ended = CaptureOutcome | VoidOutcome
OPEN, PROCESSING = AuthorizationStatus.OPEN.value, AuthorizationStatus.PROCESSING.value
OF_AUTHORIZATION = ["status", "settled_at", "transaction_id", "failure", "boards_due", "order_id", "attempt"]
Row = tuple[Any, ...]


def is_final(outcome: Ended) -> bool:
    """Whether the outcome ends the authorization, so that the gateway no longer holds the money."""
    return not isinstance(outcome, VoidFailed) and not (
        isinstance(outcome, CaptureDeclined) and is_refusal(outcome.reason)
    )


def end(work: BatchWork, outcomes: Sequence[tuple[Ended, int]], at: int) -> None:
    """Saves final outcomes, each with the attempt of its order, and changes the status of the orders.

    An outcome that is already saved is not changed.

    Args:
        at: time at which the outcomes were known, in microseconds since 1970.
    """
    rows = sorted((_ended(outcome, attempt, at) for outcome, attempt in outcomes), key=lambda row: row[-2])
    paid = sorted((_payment(outcome, attempt) for outcome, attempt in outcomes), key=lambda row: row[-2])
    columns = ["status", "decline_reason", "order_id", "attempt"]
    changed = update_rows(work.connection, payments, columns, paid, PaymentStatus.AUTHORIZED)
    update_rows(work.connection, authorizations, OF_AUTHORIZATION, rows, PROCESSING)
    if changed:
        complete_captured(work)
        roll_back_uncaptured(work)


def reopen(connection: Connection, refused: CaptureDeclined | VoidFailed, attempt: int) -> None:
    """processing -> open: the gateway permanently refused and still holds the money. A person must decide.

    The next request has another key, because the gateway would repeat its refusal for the same key.
    """
    a = authorizations.c
    connection.execute(
        update(authorizations)
        .where(a.order_id == _order(refused), a.attempt == attempt, a.status == PROCESSING)
        .values(status=OPEN, wanted=None, reason=None, detail=None)
        .values(failure=refused.reason, round=a.round + 1)
    )


def _order(outcome: Ended) -> int:
    if isinstance(outcome, Captured | CaptureDeclined):
        return outcome.capture.order_id
    return outcome.void.order_id


def _ended(outcome: Ended, attempt: int, at: int) -> Row:
    key = _order(outcome), attempt
    match outcome:
        case Captured(_, transaction_id):
            return AuthorizationStatus.CAPTURED.value, at, transaction_id, None, True, *key
        case Voided(_, transaction_id):
            return AuthorizationStatus.VOIDED.value, at, transaction_id, None, False, *key
    return AuthorizationStatus.DECLINED.value, at, None, outcome.reason, False, *key


def _payment(outcome: Ended, attempt: int) -> Row:
    key = _order(outcome), attempt
    match outcome:
        case Captured():
            return PaymentStatus.SUCCEEDED.value, None, *key
        case Voided():
            return PaymentStatus.VOIDED.value, None, *key
    return PaymentStatus.CAPTURE_DECLINED.value, outcome.reason, *key
