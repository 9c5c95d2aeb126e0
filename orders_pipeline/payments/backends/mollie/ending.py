"""Captures and releases of payments that Mollie holds money for.

Mollie carries out both after its response, so the payment's status shows whether they have happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mollie import ClientSDK

from orders_pipeline.payments.backends.mollie.payments import attempt_with
from orders_pipeline.payments.backends.mollie.requests import answered, wire_key
from orders_pipeline.payments.backends.providers.answers import OutcomeUnknown, Refused
from orders_pipeline.payments.backends.providers.asking import LookedUp, look_up_each
from orders_pipeline.payments.backends.providers.ending import shown_capture, shown_void
from orders_pipeline.payments.gateway import (
    Capture,
    CaptureDeclined,
    CaptureOutcome,
    Void,
    VoidFailed,
    VoidOutcome,
    refusal,
)


@dataclass(frozen=True, slots=True)
class Capturing:
    """Captures authorized charges."""

    client: ClientSDK
    timeout: float

    async def look_up(self, captures: Sequence[Capture], lanes: int, /) -> LookedUp[Capture, CaptureOutcome]:
        """Looks up captures by their payments."""
        return await look_up_each(captures, self._shown, lanes)

    async def send(self, capture: Capture) -> CaptureOutcome:
        """Captures the whole amount."""
        request = self.client.captures.create_async(
            payment_id=capture.transaction_id, entity_capture={}, idempotency_key=wire_key(capture.key)
        )
        try:
            await answered(request, self.timeout)
        except Refused as refused:
            return await self._shown(capture) or CaptureDeclined(capture, refusal(str(refused)))
        shown = await self._shown(capture)
        if shown is None:
            raise OutcomeUnknown("the payment is not captured yet")
        return shown

    async def _shown(self, capture: Capture) -> CaptureOutcome | None:
        return shown_capture(capture, await attempt_with(self.client, capture.transaction_id, self.timeout))


@dataclass(frozen=True, slots=True)
class Voiding:
    """Releases authorized charges."""

    client: ClientSDK
    timeout: float

    async def look_up(self, voids: Sequence[Void], lanes: int, /) -> LookedUp[Void, VoidOutcome]:
        """Looks up voids by their payments."""
        return await look_up_each(voids, self._shown, lanes)

    async def send(self, void: Void) -> VoidOutcome:
        """Asks Mollie to release the authorization."""
        request = self.client.payments.release_authorization_async(
            payment_id=void.transaction_id, idempotency_key=wire_key(void.key)
        )
        try:
            await answered(request, self.timeout)
        except Refused as refused:
            return await self._shown(void) or VoidFailed(void, refusal(str(refused)))
        shown = await self._shown(void)
        if shown is None:
            raise OutcomeUnknown("the authorization is not released yet")
        return shown

    async def _shown(self, void: Void) -> VoidOutcome | None:
        return shown_void(void, await attempt_with(self.client, void.transaction_id, self.timeout))
