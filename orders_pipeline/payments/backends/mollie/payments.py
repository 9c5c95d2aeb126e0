"""Payments of a store at Mollie, and their status."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from mollie import ClientSDK
from mollie.models import ListPaymentResponse, PaymentResponse

from orders_pipeline.base.model import PaymentStatus
from orders_pipeline.payments.backends.mollie.amounts import from_mollie
from orders_pipeline.payments.backends.mollie.requests import answered, pages, word
from orders_pipeline.payments.backends.providers.answers import Refused
from orders_pipeline.payments.backends.providers.attempts import Attempt
from orders_pipeline.payments.backends.providers.clocks import read_back_to
from orders_pipeline.payments.backends.providers.references import KEY, STORE
from orders_pipeline.payments.gateway import VOIDED

STATUSES = {
    "paid": PaymentStatus.SUCCEEDED,
    "authorized": PaymentStatus.AUTHORIZED,
    "failed": PaymentStatus.DECLINED,
    "canceled": PaymentStatus.DECLINED,
    "expired": PaymentStatus.DECLINED,
}
MolliePayment = PaymentResponse | ListPaymentResponse


def tag(one: Any, name: str) -> str:
    """Returns an entry of the metadata of a payment or refund; empty if there is none."""
    return str(one.metadata.get(name, "")) if isinstance(one.metadata, dict) else ""


async def payments_since(
    client: ClientSDK, store: str, since: int, timeout: float
) -> AsyncIterator[Sequence[ListPaymentResponse]]:
    """Yields the payments of a store, page by page.

    Args:
        since: seconds since 1970. The list starts with the newest payment and is read back to this time.
    """
    until: float | None = None
    async for page in pages(client.payments.list_async, timeout):
        listed: Sequence[ListPaymentResponse] = page.payments
        until = read_back_to(since, created_at(listed[0])) if until is None and listed else until
        if ours := [one for one in listed if tag(one, STORE) == store]:
            yield ours
        if until is not None and listed and created_at(listed[-1]) < until:
            return


async def attempt_with(client: ClientSDK, payment: str, timeout: float) -> Attempt | None:
    """Returns the payment with an id; None if Mollie does not know it."""
    try:
        return attempt_of(await answered(client.payments.get_async(payment_id=payment), timeout))
    except Refused:
        return None


def attempt_of(payment: MolliePayment) -> Attempt:
    """Returns a payment of Mollie as an attempt to pay."""
    amount, currency = _money_of(payment)
    status = STATUSES.get(word(payment.status), PaymentStatus.PROCESSING)
    if status is PaymentStatus.DECLINED and payment.authorized_at:
        status = PaymentStatus.VOIDED
    return Attempt(payment.id, tag(payment, KEY), amount, currency, status, _reason(payment, status))


def _money_of(payment: MolliePayment) -> tuple[int, str]:
    """Returns what was captured, which may be less than the amount; the amount if nothing was captured."""
    captured = from_mollie(payment.amount_captured) if payment.amount_captured else None
    return captured if captured and captured[0] else from_mollie(payment.amount)


def _reason(payment: MolliePayment, status: PaymentStatus) -> str:
    if status is PaymentStatus.VOIDED:
        return VOIDED
    if status is not PaymentStatus.DECLINED:
        return ""
    reason = getattr(payment.details, "failure_reason", None) or getattr(payment.status_reason, "code", None)
    return word(reason or payment.status)


def created_at(one: Any) -> float:
    """Returns the time at which a payment, refund or chargeback was made, in seconds since 1970."""
    return datetime.fromisoformat(one.created_at).timestamp()
