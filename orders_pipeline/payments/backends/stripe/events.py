"""Events of Stripe as events of the gateway contract: disputes, and refunds that end late or fail."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import stripe

from orders_pipeline.base.model import RefundStatus
from orders_pipeline.payments.backends.providers.refunds import MadeRefund
from orders_pipeline.payments.backends.stripe.amounts import from_stripe
from orders_pipeline.payments.backends.stripe.intents import money_of
from orders_pipeline.payments.backends.stripe.refunding import made_refund
from orders_pipeline.payments.backends.stripe.requests import pages
from orders_pipeline.payments.gateway import ProviderEvent

REFUND_TYPES = frozenset({"refund.updated", "refund.failed", "charge.refund.updated"})
# Not `created`: an inquiry of a bank also creates a dispute, but takes no money.
DISPUTE_OPENED, DISPUTE_CLOSED = "charge.dispute.funds_withdrawn", "charge.dispute.closed"
TYPES = (*sorted(REFUND_TYPES), DISPUTE_OPENED, DISPUTE_CLOSED)


OTHER_MODE = "ORDERS_STRIPE_KEY is of the other mode (test or live) than this event."


class NotSigned(ValueError):
    """The signature is wrong or too old, or the body is not an event."""


def signed_event(body: str, signature: str, secret: str, live: bool | None = None) -> ProviderEvent:
    """Checks the signature of an event with Stripe's client, and returns the event.

    Args:
        live: whether the key moves real money; events of the other mode change nothing. None: no key is set.

    Raises:
        NotSigned: the signature is wrong or too old, or the body is not an event.
    """
    try:
        event = stripe.Webhook.construct_event(body, signature, secret)
        mode = getattr(event, "livemode", live)
        return provider_event(event) if live in (None, mode) else ProviderEvent(event.id, None, OTHER_MODE)
    except (stripe.SignatureVerificationError, ValueError, AttributeError, KeyError) as error:
        raise NotSigned(type(error).__name__) from None


async def events_since(
    client: stripe.StripeClient, since: int, timeout: float
) -> AsyncIterator[ProviderEvent]:
    """Yields the events of these types since a time, in seconds since 1970. Stripe keeps them for 30 days."""
    lists = client.v1.events.list_async
    async for page in pages(lists, timeout, types=list(TYPES), created={"gte": since}):
        for event in page:
            yield provider_event(event)


def provider_event(event: Any) -> ProviderEvent:
    """Converts an event to the gateway contract."""
    found = _converted(event.type, event.data.object)
    return ProviderEvent(event.id, json.dumps({"type": found[0], "data": found[1]}) if found else None)


def _converted(kind: str, about: Any) -> tuple[str, dict[str, Any]] | None:
    if kind in (DISPUTE_OPENED, DISPUTE_CLOSED) and not about.payment_intent:
        return None
    if kind == DISPUTE_OPENED:
        return "dispute.opened", _dispute(about)
    if kind == DISPUTE_CLOSED and about.status in ("won", "lost"):
        return f"dispute.{about.status}", _dispute(about)
    return _refund(made_refund(about)) if kind in REFUND_TYPES else None


def _dispute(dispute: Any) -> dict[str, Any]:
    amount, currency = money_of(dispute)
    # A fee is in the currency of the balance. In another one, only the provider's reports have it.
    fees = [one.fee for one in dispute.balance_transactions or () if one.currency == dispute.currency]
    fee = from_stripe(sum(fees), currency)
    return {
        **{"id": dispute.id, "charge": dispute.payment_intent, "reference": ""},
        **{"amount": amount, "currency": currency, "fee": fee, "reason": dispute.reason},
    }


def _refund(made: MadeRefund) -> tuple[str, dict[str, Any]] | None:
    if not made.key:
        return None
    details: dict[str, Any] = {
        **{"id": made.id, "charge": made.charge, "reference": made.key},
        **{"amount": made.amount, "currency": made.currency, "transaction_id": made.id},
    }
    match made.status:
        case RefundStatus.COMPLETED:
            return "refund.succeeded", details
        case RefundStatus.FAILED:
            return "refund.failed", {**details, "failure_reason": made.reason}
        case _:
            return None
