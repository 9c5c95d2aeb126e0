"""PaymentIntents of a store, and their status."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import stripe

from orders_pipeline.base.model import PaymentStatus
from orders_pipeline.payments.backends.providers.answers import Refused
from orders_pipeline.payments.backends.providers.attempts import Attempt
from orders_pipeline.payments.backends.providers.clocks import read_back_to
from orders_pipeline.payments.backends.providers.references import KEY, STORE
from orders_pipeline.payments.backends.stripe.amounts import from_stripe
from orders_pipeline.payments.backends.stripe.requests import answered, pages
from orders_pipeline.payments.gateway import AUTHENTICATION_REQUIRED, VOIDED

STATUSES = {
    "succeeded": PaymentStatus.SUCCEEDED,
    "requires_capture": PaymentStatus.AUTHORIZED,
    "canceled": PaymentStatus.DECLINED,
    "requires_payment_method": PaymentStatus.DECLINED,
    "requires_action": PaymentStatus.DECLINED,
}


def tag(one: Any, name: str) -> str:
    """Returns an entry of the metadata of a PaymentIntent or refund; empty if there is none."""
    return str(getattr(one.metadata, name, "")) if one.metadata else ""


async def intents_since(
    client: stripe.StripeClient, store: str, since: int, timeout: float
) -> AsyncIterator[list[Any]]:
    """Yields the PaymentIntents of a store, page by page.

    Args:
        since: seconds since 1970. The list starts with the newest PaymentIntent and is read back to this
            time.
    """
    until: float | None = None
    async for page in pages(client.v1.payment_intents.list_async, timeout):
        until = read_back_to(since, page[0].created) if until is None and page else until
        if ours := [one for one in page if tag(one, STORE) == store]:
            yield ours
        newest_first = page and page[0].created > page[-1].created
        if until is not None and newest_first and page[-1].created < until:
            return


async def intent_with(client: stripe.StripeClient, intent: str, timeout: float) -> Any | None:
    """Returns the PaymentIntent with an id; None if Stripe does not know it."""
    try:
        return await answered(client.v1.payment_intents.retrieve_async(intent), timeout)
    except Refused:
        return None


def attempt_of(intent: Any) -> Attempt:
    """Returns a PaymentIntent as an attempt to pay."""
    amount, currency = money_of(intent)
    status = PaymentStatus.VOIDED if _was_released(intent) else STATUSES.get(intent.status)
    return Attempt(
        id=intent.id,
        key=tag(intent, KEY),
        amount=amount,
        currency=currency,
        status=status or PaymentStatus.PROCESSING,
        reason=_decline_reason(intent) if status in (PaymentStatus.DECLINED, PaymentStatus.VOIDED) else "",
        can_be_paid=intent.status in ("requires_payment_method", "requires_action"),
    )


def money_of(one: Any) -> tuple[int, str]:
    """Returns the amount in the minor unit, and the currency.

    Of a captured PaymentIntent, it is what was captured, which may be less than its amount.
    """
    currency = one.currency.upper()
    return from_stripe(getattr(one, "amount_received", None) or one.amount, currency), currency


def _was_released(intent: Any) -> bool:
    """Whether a PaymentIntent held money, and was then canceled."""
    failed = getattr(intent, "last_payment_error", None)
    return intent.status == "canceled" and bool(intent.latest_charge) and not failed


def _decline_reason(intent: Any) -> str:
    error = getattr(intent, "last_payment_error", None)
    if not error:
        return VOIDED if _was_released(intent) else AUTHENTICATION_REQUIRED
    return str(getattr(error, "decline_code", None) or getattr(error, "code", None) or "card_declined")
