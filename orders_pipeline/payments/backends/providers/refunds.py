"""A provider's refunds of a payment, converted to the gateway contract."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from orders_pipeline.base.amounts.money import with_currency
from orders_pipeline.base.model import RefundStatus
from orders_pipeline.payments.backends.providers.answers import OutcomeUnknown, Refused
from orders_pipeline.payments.backends.providers.asking import LookedUp, look_up_each
from orders_pipeline.payments.backends.providers.references import kept_key
from orders_pipeline.payments.gateway import (
    Refund,
    Refunded,
    RefundEntry,
    RefundFailed,
    RefundOutcome,
    is_attempt_of,
    is_refusal,
    refusal,
)


class MadeRefund(NamedTuple):
    """A refund at the provider.

    Attributes:
        id: the provider's id.
        key: key of the refund, as `kept_key` returns it.
        charge: id of the payment.
        amount: in the currency's minor unit.
        status: processing, completed or failed.
        reason: why it failed; empty for other refunds.
    """

    id: str
    key: str
    charge: str
    amount: int
    currency: str
    status: RefundStatus
    reason: str = ""


async def look_up_refunds(
    refunds: Sequence[Refund], made_of: Callable[[Refund], Awaitable[Sequence[MadeRefund]]], lanes: int
) -> LookedUp[Refund, RefundOutcome]:
    """Looks up refunds one by one.

    Args:
        made_of: lists the refunds of a refund's payment; raises Refused if the provider does not know the
            payment and would refuse the refund.
        lanes: number of requests open at the same time.
    """

    async def find(refund: Refund) -> RefundOutcome | None:
        try:
            found = _found(refund, await made_of(refund))
        except Refused:
            return None
        if found is None:
            return None
        outcome = refund_outcome(refund, found)
        if outcome is None:
            raise OutcomeUnknown(f"the refund {found.id} is not settled yet")
        return outcome

    return await look_up_each(refunds, find, lanes)


def _found(refund: Refund, made: Sequence[MadeRefund]) -> MadeRefund | None:
    """Returns the refund with this key, or another attempt that refunded the same money."""
    key = kept_key(refund.key)
    attempts = [one for one in made if is_attempt_of(key, one.key)]
    moved = [one for one in attempts if one.status is not RefundStatus.FAILED]
    own = [one for one in attempts if one.key == key]
    return next(iter(moved or own), None)


def refund_outcome(refund: Refund, made: MadeRefund) -> RefundOutcome | None:
    """Returns the outcome of a refund; None if it is not known yet."""
    if (made.amount, made.currency) != (refund.amount, refund.currency):
        found = f"{with_currency(made.amount, made.currency)} under this key ({made.id})"
        return RefundFailed(refund, refusal(f"the gateway has {found}"))
    match made.status:
        case RefundStatus.COMPLETED:
            return Refunded(refund, made.id)
        case RefundStatus.FAILED:
            return RefundFailed(refund, made.reason)
        case _:
            return None


def refund_entry(made: MadeRefund) -> RefundEntry:
    """Returns a refund as an entry of the journal."""
    completed = made.id if made.status is RefundStatus.COMPLETED else None
    failed = made.reason if made.status is RefundStatus.FAILED else None
    return RefundEntry(made.key, made.charge, made.amount, made.currency, made.status, completed, failed)


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
