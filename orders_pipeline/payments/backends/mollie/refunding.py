"""Refunds of payments. Mollie lists all refunds of a payment, in which a refund can be found again.

Mollie sends the money some hours or days after it has accepted a request. A refund counts as completed when
Mollie has accepted it; `events.py` reports refunds that fail later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mollie import ClientSDK

from orders_pipeline.base.model import RefundStatus
from orders_pipeline.payments.backends.mollie.amounts import from_mollie, to_mollie
from orders_pipeline.payments.backends.mollie.payments import tag
from orders_pipeline.payments.backends.mollie.requests import answered, pages, wire_key, word
from orders_pipeline.payments.backends.providers.answers import OutcomeUnknown, Refused
from orders_pipeline.payments.backends.providers.asking import LookedUp
from orders_pipeline.payments.backends.providers.references import KEY, STORE, kept_key
from orders_pipeline.payments.backends.providers.refunds import MadeRefund, look_up_refunds, refund_outcome
from orders_pipeline.payments.gateway import Refund, RefundFailed, RefundOutcome, refusal

FAILED = ("failed", "canceled")


@dataclass(frozen=True, slots=True)
class Refunding:
    """Makes refunds."""

    client: ClientSDK
    store: str
    timeout: float

    async def look_up(self, refunds: Sequence[Refund], lanes: int, /) -> LookedUp[Refund, RefundOutcome]:
        """Looks up refunds in the lists of their payments."""
        return await look_up_refunds(refunds, self._made, lanes)

    async def send(self, refund: Refund) -> RefundOutcome:
        """Makes a refund."""
        request = self.client.refunds.create_async(
            payment_id=refund.transaction_id,
            idempotency_key=wire_key(refund.key),
            refund_request=self._params(refund),
        )
        try:
            made = made_refund(await answered(request, self.timeout))
        except Refused as refused:
            return RefundFailed(refund, refusal(str(refused)))
        outcome = refund_outcome(refund, made)
        if outcome is None:
            raise OutcomeUnknown(f"the refund {made.id} is open")
        return outcome

    def _params(self, refund: Refund) -> Any:
        return {
            "amount": to_mollie(refund.amount, refund.currency),
            "description": "Refund",
            "metadata": {STORE: self.store, KEY: kept_key(refund.key)},
        }

    async def _made(self, refund: Refund) -> list[MadeRefund]:
        def listed(**page: Any) -> Any:
            return self.client.refunds.list_async(payment_id=refund.transaction_id, **page)

        return [made_refund(one) async for page in pages(listed, self.timeout) for one in page.refunds]


def made_refund(made: Any) -> MadeRefund:
    """Converts a refund of Mollie to a `MadeRefund`."""
    amount, currency = from_mollie(made.amount)
    reported = word(made.status)
    status, reason = (RefundStatus.FAILED, reported) if reported in FAILED else (RefundStatus.COMPLETED, "")
    return MadeRefund(made.id, tag(made, KEY), made.payment_id, amount, currency, status, reason)
