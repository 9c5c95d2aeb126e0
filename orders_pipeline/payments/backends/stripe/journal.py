"""What Stripe has of an order store, in the terms of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orders_pipeline.base.model import PaymentStatus, RefundStatus
from orders_pipeline.payments.backends.stripe.intents import (
    KEY,
    decline_reason,
    kept_key,
    money_of,
    tag,
    was_released,
)
from orders_pipeline.payments.backends.stripe.refunding import status_of, why_failed
from orders_pipeline.payments.gateway import (
    VOIDED,
    Declined,
    JournalEntry,
    Outcome,
    Paid,
    Refunded,
    RefundEntry,
    RefundOutcome,
    is_attempt_of,
    is_refusal,
)

JOURNAL_STATUSES = {
    "succeeded": PaymentStatus.SUCCEEDED,
    "requires_capture": PaymentStatus.AUTHORIZED,
    "canceled": PaymentStatus.DECLINED,
    "requires_payment_method": PaymentStatus.DECLINED,
    "requires_action": PaymentStatus.DECLINED,
}


def journal_entry(intent: Any) -> JournalEntry:
    """Returns a PaymentIntent with a known outcome as an entry."""
    amount, currency = money_of(intent)
    status = PaymentStatus.VOIDED if was_released(intent) else JOURNAL_STATUSES[intent.status]
    reason = decline_reason(intent) if status is PaymentStatus.DECLINED else None
    moved = None if status is PaymentStatus.DECLINED else intent.id
    return JournalEntry(tag(intent, KEY), amount, currency, moved, reason, status)


def refund_entry(made: Any) -> RefundEntry:
    """Returns a refund as an entry."""
    amount, currency = money_of(made)
    status = status_of(made)
    completed = made.id if status is RefundStatus.COMPLETED else None
    failed = why_failed(made) if status is RefundStatus.FAILED else None
    return RefundEntry(tag(made, KEY), made.payment_intent, amount, currency, status, completed, failed)


def shows_outcome(entries: Sequence[JournalEntry], outcome: Outcome) -> bool:
    """Whether the entries of all attempts for an order show this outcome of a charge."""
    charge = outcome.charge
    if isinstance(outcome, Declined):
        own = [one for one in entries if one.key == kept_key(charge.key)]
        if outcome.reason == VOIDED:
            return any(one.status is PaymentStatus.VOIDED for one in own)
        if is_refusal(outcome.reason):
            return not own
        return any(one.decline_reason == outcome.reason for one in own)
    status = PaymentStatus.SUCCEEDED if isinstance(outcome, Paid) else PaymentStatus.AUTHORIZED
    wanted = (status, outcome.transaction_id, charge.amount, charge.currency)
    return wanted in [(one.status, one.transaction_id, one.amount, one.currency) for one in entries]


def shows_refund(entries: Sequence[RefundEntry], outcome: RefundOutcome) -> bool:
    """Whether the entries of refunds show this outcome."""
    refund = outcome.refund
    own = [
        one
        for one in entries
        if is_attempt_of(kept_key(refund.key), one.key)
        and (one.charge, one.amount, one.currency) == (refund.transaction_id, refund.amount, refund.currency)
    ]
    if isinstance(outcome, Refunded):
        return any(one.transaction_id == outcome.transaction_id for one in own)
    if is_refusal(outcome.reason):
        return not own
    return any(one.reason == outcome.reason for one in own)
