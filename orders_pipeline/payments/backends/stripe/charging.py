"""Charges of orders: PaymentIntents that are created and confirmed in one request, off-session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import stripe

from orders_pipeline.payments.backends.providers.answers import CardDeclined, OutcomeUnknown, Refused
from orders_pipeline.payments.backends.providers.asking import LookedUp
from orders_pipeline.payments.backends.providers.attempts import look_up, other_money, outcome_of
from orders_pipeline.payments.backends.providers.references import (
    ATTEMPT,
    KEY,
    ORDER,
    STORE,
    kept_key,
    order_number,
)
from orders_pipeline.payments.backends.stripe.amounts import AmountRefused, to_stripe
from orders_pipeline.payments.backends.stripe.intents import attempt_of, intents_since
from orders_pipeline.payments.backends.stripe.requests import answered, wire_key
from orders_pipeline.payments.gateway import Charge, Declined, Outcome, refusal

NO_PAYMENT_METHOD = refusal("the file names no payment method for this order")


@dataclass(frozen=True, slots=True)
class Charging:
    """Charges orders.

    Attributes:
        store: tag of the order store, which marks its payments.
        statement_suffix: what a customer's statement shows after the shop's own prefix; empty for nothing.
        timeout: seconds for one request.
        began: time in seconds since 1970 before which no new request was sent.
    """

    client: stripe.StripeClient
    store: str
    statement_suffix: str
    timeout: float
    began: int

    async def look_up(self, charges: Sequence[Charge], _lanes: int, /) -> LookedUp[Charge, Outcome]:
        """Looks up all charges at once in the list of PaymentIntents."""
        since = min(one.asked_since if one.asked_before else self.began for one in charges)
        pages = intents_since(self.client, self.store, since, self.timeout)
        attempts = [attempt_of(one) async for page in pages for one in page]
        looked_up: LookedUp[Charge, Outcome] = LookedUp()
        for charge, found in look_up(charges, attempts).items():
            if found.outcome:
                looked_up.answers.append(found.outcome)
            elif found.is_open or not await self._closed(found.abandoned):
                looked_up.still_open.append(charge)
            else:
                looked_up.to_send.append(charge)
        return looked_up

    async def _closed(self, abandoned: Sequence[str]) -> bool:
        """Cancels PaymentIntents of earlier attempts, which a customer could otherwise still pay."""
        for intent in abandoned:
            try:
                await answered(self.client.v1.payment_intents.cancel_async(intent), self.timeout)
            except (OutcomeUnknown, Refused):
                return False
        return True

    async def send(self, charge: Charge) -> Outcome:
        """Creates and confirms a PaymentIntent.

        Raises:
            OutcomeUnknown: the request may have arrived, or the payment is being processed.
        """
        if not charge.payment_method:
            return Declined(charge, NO_PAYMENT_METHOD)
        try:
            params = self._params(charge)
        except AmountRefused as refused:
            return Declined(charge, refusal(str(refused)))
        options: Any = {"idempotency_key": wire_key(charge.key)}
        request = self.client.v1.payment_intents.create_async(params, options)
        try:
            intent = await answered(request, self.timeout)
        except CardDeclined as declined:
            return Declined(charge, declined.reason)
        except Refused as refused:
            return Declined(charge, refusal(str(refused)))
        made = attempt_of(intent)
        outcome = other_money(charge, made) or outcome_of(charge, made)
        if outcome is None:
            raise OutcomeUnknown(f"the payment is {intent.status}")
        return outcome

    def _params(self, charge: Charge) -> Any:
        params: dict[str, Any] = {
            "amount": to_stripe(charge.amount, charge.currency),
            "currency": charge.currency.lower(),
            "payment_method": charge.payment_method,
            "confirm": True,
            "off_session": True,
            "metadata": {
                STORE: self.store,
                KEY: kept_key(charge.key),
                ORDER: order_number(charge.key),
                ATTEMPT: str(charge.attempt),
            },
        }
        if charge.customer:
            params["customer"] = charge.customer
        if not charge.capture:
            params["capture_method"] = "manual"
        if self.statement_suffix:
            params["statement_descriptor_suffix"] = self.statement_suffix
        return params
