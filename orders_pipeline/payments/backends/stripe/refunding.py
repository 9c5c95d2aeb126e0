"""Refunds of PaymentIntents. Stripe lists all refunds of one, by which they are found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import stripe

from orders_pipeline.base.model import RefundStatus
from orders_pipeline.payments.backends.stripe.amounts import AmountRefused, to_stripe
from orders_pipeline.payments.backends.stripe.asking import LookedUp
from orders_pipeline.payments.backends.stripe.intents import KEY, STORE, kept_key, money_of, tag
from orders_pipeline.payments.backends.stripe.requests import (
    CardDeclined,
    OutcomeUnknown,
    Refused,
    answered,
    pages,
    wire_key,
)
from orders_pipeline.payments.gateway import (
    Refund,
    Refunded,
    RefundFailed,
    RefundOutcome,
    is_attempt_of,
    refusal,
)

REFUND_STATUSES = {
    "succeeded": RefundStatus.COMPLETED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}


@dataclass(frozen=True, slots=True)
class Refunding:
    """Gives money back."""

    client: stripe.StripeClient
    store: str
    timeout: float

    async def look_up(self, refunds: Sequence[Refund]) -> LookedUp[Refund, RefundOutcome]:
        """Looks refunds up in the lists of their PaymentIntents."""
        looked_up: LookedUp[Refund, RefundOutcome] = LookedUp()
        for one in refunds:
            found = await self._found(one)
            if found is None:
                looked_up.to_send.append(one)
            elif outcome := _refund_outcome(one, found):
                looked_up.answers.append(outcome)
            else:
                looked_up.still_open.append(one)
        return looked_up

    async def send(self, refund: Refund) -> RefundOutcome:
        """Makes a refund."""
        try:
            amount = to_stripe(refund.amount, refund.currency)
        except AmountRefused as refused:
            return RefundFailed(refund, refusal(str(refused)))
        params: Any = {
            "payment_intent": refund.transaction_id,
            "amount": amount,
            "metadata": {STORE: self.store, KEY: kept_key(refund.key)},
        }
        options: Any = {"idempotency_key": wire_key(refund.key)}
        try:
            made = await answered(self.client.v1.refunds.create_async(params, options), self.timeout)
        except CardDeclined as declined:
            return RefundFailed(refund, declined.reason)
        except Refused as refused:
            return RefundFailed(refund, refusal(str(refused)))
        outcome = _refund_outcome(refund, made)
        if outcome is None:
            raise OutcomeUnknown(f"the refund is {made.status}")
        return outcome

    async def _found(self, refund: Refund) -> Any | None:
        """The refund of this key, or one of another attempt that gave the same money back."""
        lists = self.client.v1.refunds.list_async
        key = kept_key(refund.key)
        attempts = [
            one
            async for page in pages(lists, self.timeout, payment_intent=refund.transaction_id)
            for one in page
            if is_attempt_of(key, tag(one, KEY))
        ]
        moved = [one for one in attempts if one.status not in ("failed", "canceled")]
        own = [one for one in attempts if tag(one, KEY) == key]
        return next(iter(moved or own), None)


def _refund_outcome(refund: Refund, made: Any) -> RefundOutcome | None:
    amount, currency = money_of(made)
    if (amount, currency) != (refund.amount, refund.currency):
        return RefundFailed(refund, refusal(f"Stripe has {amount} {currency} under this key ({made.id})"))
    match REFUND_STATUSES.get(made.status, RefundStatus.PROCESSING):
        case RefundStatus.COMPLETED:
            return Refunded(refund, made.id)
        case RefundStatus.FAILED:
            return RefundFailed(refund, why_failed(made))
        case _:
            return None


def status_of(made: Any) -> RefundStatus:
    """Returns the status of a refund at Stripe."""
    return REFUND_STATUSES.get(made.status, RefundStatus.PROCESSING)


def why_failed(made: Any) -> str:
    """Returns why a refund failed."""
    return str(getattr(made, "failure_reason", None) or made.status)
