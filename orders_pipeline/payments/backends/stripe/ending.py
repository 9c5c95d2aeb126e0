"""Captures and voids of PaymentIntents that Stripe holds money for.

Stripe captures or cancels a PaymentIntent only once, so its status shows whether this has happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import stripe

from orders_pipeline.payments.backends.providers.answers import CardDeclined, OutcomeUnknown, Refused
from orders_pipeline.payments.backends.providers.asking import LookedUp, look_up_each
from orders_pipeline.payments.backends.providers.attempts import Attempt
from orders_pipeline.payments.backends.providers.ending import shown_capture, shown_void
from orders_pipeline.payments.backends.stripe.intents import attempt_of, intent_with
from orders_pipeline.payments.backends.stripe.requests import answered, wire_key
from orders_pipeline.payments.gateway import (
    Capture,
    CaptureDeclined,
    CaptureOutcome,
    Void,
    Voided,
    VoidFailed,
    VoidOutcome,
    refusal,
)

ENDED = ("succeeded", "canceled")


@dataclass(frozen=True, slots=True)
class Capturing:
    """Captures authorized charges."""

    client: stripe.StripeClient
    timeout: float

    async def look_up(self, captures: Sequence[Capture], lanes: int, /) -> LookedUp[Capture, CaptureOutcome]:
        """Looks up captures by their PaymentIntents."""
        return await look_up_each(captures, self._shown, lanes)

    async def send(self, capture: Capture) -> CaptureOutcome:
        """Captures the whole amount."""
        request = self.client.v1.payment_intents.capture_async(
            capture.transaction_id, None, {"idempotency_key": wire_key(capture.key)}
        )
        try:
            await answered(request, self.timeout)
        except (CardDeclined, Refused) as refused:
            return await self._shown(capture) or CaptureDeclined(capture, refusal(str(refused)))
        shown = await self._shown(capture)
        if shown is None:
            raise OutcomeUnknown("the payment is not captured yet")
        return shown

    async def _shown(self, capture: Capture) -> CaptureOutcome | None:
        return shown_capture(capture, await _ended(self.client, capture.transaction_id, self.timeout))


@dataclass(frozen=True, slots=True)
class Voiding:
    """Releases authorized charges."""

    client: stripe.StripeClient
    timeout: float

    async def look_up(self, voids: Sequence[Void], lanes: int, /) -> LookedUp[Void, VoidOutcome]:
        """Looks up voids by their PaymentIntents."""
        return await look_up_each(voids, self._shown, lanes)

    async def send(self, void: Void) -> VoidOutcome:
        """Cancels the PaymentIntent."""
        request = self.client.v1.payment_intents.cancel_async(
            void.transaction_id, None, {"idempotency_key": wire_key(void.key)}
        )
        try:
            await answered(request, self.timeout)
        except (CardDeclined, Refused) as refused:
            return await self._shown(void) or VoidFailed(void, refusal(str(refused)))
        return Voided(void, void.transaction_id)

    async def _shown(self, void: Void) -> VoidOutcome | None:
        return shown_void(void, await _ended(self.client, void.transaction_id, self.timeout))


async def _ended(client: stripe.StripeClient, intent: str, timeout: float) -> Attempt | None:
    """Returns a PaymentIntent that ended; None if it is open, or if Stripe does not know it."""
    found = await intent_with(client, intent, timeout)
    return attempt_of(found) if found and found.status in ENDED else None
