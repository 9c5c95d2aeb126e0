"""Refunds of PaymentIntents.

Stripe lists all refunds of a PaymentIntent, in which a refund is found again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import stripe

from orders_pipeline.base.model import RefundStatus
from orders_pipeline.payments.backends.providers.answers import CardDeclined, OutcomeUnknown, Refused
from orders_pipeline.payments.backends.providers.asking import LookedUp
from orders_pipeline.payments.backends.providers.references import KEY, STORE, kept_key
from orders_pipeline.payments.backends.providers.refunds import MadeRefund, look_up_refunds, refund_outcome
from orders_pipeline.payments.backends.stripe.amounts import AmountRefused, to_stripe
from orders_pipeline.payments.backends.stripe.intents import money_of, tag
from orders_pipeline.payments.backends.stripe.requests import answered, pages, wire_key
from orders_pipeline.payments.gateway import Refund, RefundFailed, RefundOutcome, refusal

REFUND_STATUSES = {
    "succeeded": RefundStatus.COMPLETED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}


@dataclass(frozen=True, slots=True)
class Refunding:
    """Makes refunds."""

    client: stripe.StripeClient
    store: str
    timeout: float

    async def look_up(self, refunds: Sequence[Refund], lanes: int, /) -> LookedUp[Refund, RefundOutcome]:
        """Looks up refunds in the lists of their PaymentIntents."""
        return await look_up_refunds(refunds, self._made, lanes)

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
        outcome = refund_outcome(refund, made_refund(made))
        if outcome is None:
            raise OutcomeUnknown(f"the refund is {made.status}")
        return outcome

    async def _made(self, refund: Refund) -> list[MadeRefund]:
        lists = self.client.v1.refunds.list_async
        listed = pages(lists, self.timeout, payment_intent=refund.transaction_id)
        return [made_refund(one) async for page in listed for one in page]


def made_refund(made: Any) -> MadeRefund:
    """Converts a refund of Stripe to a `MadeRefund`."""
    amount, currency = money_of(made)
    status = REFUND_STATUSES.get(made.status, RefundStatus.PROCESSING)
    failed = getattr(made, "failure_reason", None) or made.status
    reason = str(failed) if status is RefundStatus.FAILED else ""
    return MadeRefund(made.id, tag(made, KEY), made.payment_intent, amount, currency, status, reason)
