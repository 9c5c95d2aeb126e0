"""A provider's payments for an order, converted to the gateway contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from orders_pipeline.base.amounts.money import with_currency
from orders_pipeline.base.model import PaymentStatus
from orders_pipeline.payments.backends.providers.references import kept_key
from orders_pipeline.payments.gateway import (
    VOIDED,
    Authorized,
    Charge,
    Declined,
    JournalEntry,
    Outcome,
    Paid,
    attempts_prefix,
    is_attempt_of,
    is_refusal,
    refusal,
)

MOVED = (PaymentStatus.SUCCEEDED, PaymentStatus.AUTHORIZED)


class Attempt(NamedTuple):
    """A payment of one attempt at the provider.

    Attributes:
        id: the provider's id.
        key: key of the charge, as `kept_key` returns it.
        amount: in the currency's minor unit.
        status: processing while the outcome is not known.
        reason: why it was declined or failed; empty for other payments.
        can_be_paid: whether a customer could still pay it, although it was declined.
    """

    id: str
    key: str
    amount: int
    currency: str
    status: PaymentStatus
    reason: str = ""
    can_be_paid: bool = False

    @property
    def money(self) -> tuple[int, str]:
        """The amount, and its currency."""
        return self.amount, self.currency


class Found(NamedTuple):
    """The result of looking up a charge in the provider's list.

    Attributes:
        outcome: None if the charge must be made.
        is_open: whether the outcome is not known yet.
        abandoned: ids of earlier attempts that a customer could still pay.
    """

    outcome: Outcome | None
    is_open: bool = False
    abandoned: Sequence[str] = ()


def look_up(charges: Iterable[Charge], attempts: Iterable[Attempt]) -> dict[Charge, Found]:
    """Returns the result for each charge, from these payments."""
    by_order: dict[str, list[Attempt]] = {}
    for one in attempts:
        by_order.setdefault(attempts_prefix(one.key), []).append(one)
    return {one: _found(one, by_order.get(attempts_prefix(kept_key(one.key)), ())) for one in charges}


def outcome_of(charge: Charge, made: Attempt) -> Outcome | None:
    """Returns the outcome of a charge from its payment; None if it is not known yet."""
    match made.status:
        case PaymentStatus.SUCCEEDED:
            return Paid(charge, made.id)
        case PaymentStatus.AUTHORIZED:
            return Authorized(charge, made.id)
        case PaymentStatus.PROCESSING:
            return None
        case _:
            return Declined(charge, made.reason)


def other_money(charge: Charge, made: Attempt) -> Declined | None:
    """Returns the refusal of a charge whose payment has another amount or currency."""
    if made.money == (charge.amount, charge.currency):
        return None
    found = f"{with_currency(*made.money)} for this order already ({made.id})"
    return Declined(charge, refusal(f"the gateway has {found}"))


def journal_page(attempts: Iterable[Attempt]) -> list[JournalEntry]:
    """Returns payments with a known outcome as entries of the journal."""
    return [_journal_entry(one) for one in attempts if one.status is not PaymentStatus.PROCESSING]


def _journal_entry(made: Attempt) -> JournalEntry:
    declined = made.status is PaymentStatus.DECLINED
    reason, moved = (made.reason, None) if declined else (None, made.id)
    return JournalEntry(made.key, made.amount, made.currency, moved, reason, made.status)


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


def _found(charge: Charge, attempts: Sequence[Attempt]) -> Found:
    known = [one for one in attempts if is_attempt_of(kept_key(charge.key), one.key)]
    for status in MOVED:
        if moved := [one for one in known if one.status is status]:
            return Found(_adopted(charge, moved))
    if any(one.status is PaymentStatus.PROCESSING for one in known):
        return Found(None, is_open=True)
    if own := [one for one in known if one.key == kept_key(charge.key)]:
        return Found(outcome_of(charge, own[0]))
    return Found(None, abandoned=[one.id for one in known if one.can_be_paid])


def _adopted(charge: Charge, moved: Sequence[Attempt]) -> Outcome | None:
    """Returns an outcome with the money of another attempt, because the money must not move twice."""
    others = [other_money(charge, one) for one in moved]
    for one, other in zip(moved, others, strict=True):
        if other is None:
            return outcome_of(charge, one)
    return others[0]
