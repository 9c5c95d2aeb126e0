"""Charges of orders: recurring payments, which need no interaction with the customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mollie import ClientSDK

from orders_pipeline.payments.backends.mollie.amounts import to_mollie
from orders_pipeline.payments.backends.mollie.payments import attempt_of, payments_since
from orders_pipeline.payments.backends.mollie.requests import answered, wire_key
from orders_pipeline.payments.backends.providers.answers import OutcomeUnknown, Refused
from orders_pipeline.payments.backends.providers.asking import LookedUp
from orders_pipeline.payments.backends.providers.attempts import look_up, other_money, outcome_of
from orders_pipeline.payments.backends.providers.references import KEY, STORE, kept_key, order_number
from orders_pipeline.payments.gateway import Charge, Declined, Outcome, refusal

NO_CUSTOMER = refusal("the file names no customer of Mollie for this order")
DESCRIPTION_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Charging:
    """Charges orders.

    Attributes:
        store: tag of the order store, which marks its payments.
        timeout: seconds for one request.
        began: time in seconds since 1970 before which no new request was sent.
    """

    client: ClientSDK
    store: str
    timeout: float
    began: int

    async def look_up(self, charges: Sequence[Charge], _lanes: int, /) -> LookedUp[Charge, Outcome]:
        """Looks up all charges at once in the list of payments."""
        since = min(one.asked_since if one.asked_before else self.began for one in charges)
        pages = payments_since(self.client, self.store, since, self.timeout)
        attempts = [attempt_of(one) async for page in pages for one in page]
        looked_up: LookedUp[Charge, Outcome] = LookedUp()
        for charge, found in look_up(charges, attempts).items():
            if found.outcome:
                looked_up.answers.append(found.outcome)
            elif found.is_open:
                looked_up.still_open.append(charge)
            else:
                looked_up.to_send.append(charge)
        return looked_up

    async def send(self, charge: Charge) -> Outcome:
        """Makes a recurring payment.

        Raises:
            OutcomeUnknown: the request may have arrived, or the payment is pending.
        """
        if not charge.customer:
            return Declined(charge, NO_CUSTOMER)
        request = self.client.payments.create_async(
            payment_request=self._params(charge), idempotency_key=wire_key(charge.key)
        )
        try:
            made = attempt_of(await answered(request, self.timeout))
        except Refused as refused:
            return Declined(charge, refusal(str(refused)))
        outcome = other_money(charge, made) or outcome_of(charge, made)
        if outcome is None:
            raise OutcomeUnknown(f"the payment {made.id} is pending")
        return outcome

    def _params(self, charge: Charge) -> Any:
        params: dict[str, Any] = {
            "amount": to_mollie(charge.amount, charge.currency),
            "description": order_number(charge.key)[:DESCRIPTION_LENGTH],
            "sequence_type": "recurring",
            "customer_id": charge.customer,
            "metadata": {STORE: self.store, KEY: kept_key(charge.key)},
        }
        if charge.payment_method:
            params["mandate_id"] = charge.payment_method
        if not charge.capture:
            params["capture_mode"] = "manual"
        return params
