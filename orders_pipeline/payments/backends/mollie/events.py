"""Chargebacks, and refunds that failed after Mollie had accepted them, as events of the gateway contract.

Mollie has no list of events, so they are read from the lists of chargebacks and refunds.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from mollie import ClientSDK

from orders_pipeline.base.model import RefundStatus
from orders_pipeline.payments.backends.mollie.amounts import from_mollie
from orders_pipeline.payments.backends.mollie.payments import created_at, tag
from orders_pipeline.payments.backends.mollie.refunding import made_refund
from orders_pipeline.payments.backends.mollie.requests import answered, pages
from orders_pipeline.payments.backends.providers.references import STORE
from orders_pipeline.payments.gateway import ProviderEvent

# The time within which a refund may still fail, and a chargeback be reversed.
LATE_SECONDS = 90 * 24 * 3_600


async def events_since(
    client: ClientSDK, store: str, since: int, timeout: float
) -> AsyncIterator[ProviderEvent]:
    """Yields chargebacks and failed refunds of the store's payments."""
    earliest = since - LATE_SECONDS
    async for refund in _listed(client.refunds.all_async, "refunds", earliest, timeout):
        if tag(refund, STORE) == store and (event := _failed(refund)):
            yield event
    async for chargeback in _listed(client.chargebacks.all_async, "chargebacks", earliest, timeout):
        payment = await answered(client.payments.get_async(payment_id=chargeback.payment_id), timeout)
        if tag(payment, STORE) == store:
            for event in _disputed(chargeback):
                yield event


async def _listed(lists: Any, name: str, earliest: int, timeout: float) -> AsyncIterator[Any]:
    async for page in pages(lists, timeout):
        for one in getattr(page, name):
            if created_at(one) < earliest:
                return
            yield one


def _failed(refund: Any) -> ProviderEvent | None:
    made = made_refund(refund)
    if made.status is not RefundStatus.FAILED:
        return None
    details = {"id": made.id, "charge": made.charge, "reference": made.key, "transaction_id": made.id}
    more = {"amount": made.amount, "currency": made.currency, "failure_reason": made.reason}
    return _event(f"mollie/{made.id}/failed", "refund.failed", {**details, **more})


def _disputed(chargeback: Any) -> Iterator[ProviderEvent]:
    amount, currency = from_mollie(chargeback.amount)
    reason = chargeback.reason.description if chargeback.reason else ""
    details = {"id": chargeback.id, "charge": chargeback.payment_id, "reference": "", "reason": reason}
    details |= {"amount": amount, "currency": currency}
    yield _event(f"mollie/{chargeback.id}/opened", "dispute.opened", details)
    if chargeback.reversed_at:
        yield _event(f"mollie/{chargeback.id}/reversed", "dispute.won", details)


def _event(event_id: str, kind: str, details: dict[str, Any]) -> ProviderEvent:
    return ProviderEvent(event_id, json.dumps({"type": kind, "data": details}))
