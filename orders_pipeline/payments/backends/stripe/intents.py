"""PaymentIntents of a store: which one belongs to which charge, and how it stands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import stripe

from orders_pipeline.payments.backends.stripe.amounts import from_stripe
from orders_pipeline.payments.backends.stripe.requests import pages
from orders_pipeline.payments.gateway import (
    VOIDED,
    Authorized,
    Charge,
    Declined,
    Outcome,
    Paid,
    attempts_prefix,
    is_attempt_of,
    refusal,
)

# Metadata of a PaymentIntent or refund. A value has at most 500 characters.
STORE, KEY, ORDER, ATTEMPT = "orders_store", "orders_key", "orders_number", "orders_attempt"
VALUE_LENGTH = 500
MUST_ACT = "authentication_required"
# The clock of Stripe and the one of this machine may differ.
CLOCKS_DIFFER_SECONDS = 3_600


class Found(NamedTuple):
    """What a list of PaymentIntents shows about a charge.

    Attributes:
        outcome: None if the charge has to be made.
        is_open: whether the outcome has to be waited for.
        abandoned: intents of earlier attempts that somebody could still pay.
    """

    outcome: Outcome | None
    is_open: bool = False
    abandoned: Sequence[str] = ()


def metadata(store: str, key: str, number: str, attempt: int) -> dict[str, str]:
    """Returns the metadata by which a charge or refund is found again."""
    return {
        STORE: store,
        KEY: kept_key(key),
        ORDER: number[:VALUE_LENGTH],
        ATTEMPT: str(attempt),
    }


def tag(one: Any, name: str) -> str:
    """Returns an entry of the metadata of a PaymentIntent or refund; empty if there is none."""
    return str(getattr(one.metadata, name, "")) if one.metadata else ""


def kept_key(key: str) -> str:
    """Returns a key as it is kept in metadata: of a long one, a hash and the attempt."""
    if len(key) <= VALUE_LENGTH:
        return key
    start, _, attempt = key.rpartition("/")
    return f"{sha256(start.encode()).hexdigest()}/{attempt}"


async def intents_since(
    client: stripe.StripeClient, store: str, since: int, timeout: float
) -> AsyncIterator[list[Any]]:
    """Yields the PaymentIntents of a store, page by page.

    Args:
        since: seconds since 1970. The list begins with the newest, so it is read up to there.
    """
    async for page in pages(client.v1.payment_intents.list_async, timeout):
        if ours := [one for one in page if tag(one, STORE) == store]:
            yield ours
        newest_first = page and page[0].created > page[-1].created
        if newest_first and page[-1].created < since - CLOCKS_DIFFER_SECONDS:
            return


def look_up(charges: Iterable[Charge], intents: Sequence[Any]) -> dict[Charge, Found]:
    """Returns what these PaymentIntents show about each charge."""
    by_order: dict[str, list[Any]] = {}
    for intent in intents:
        by_order.setdefault(attempts_prefix(tag(intent, KEY)), []).append(intent)
    return {one: _found(one, by_order.get(attempts_prefix(kept_key(one.key)), ())) for one in charges}


def outcome_of(charge: Charge, intent: Any) -> Outcome | None:
    """Returns the outcome that the PaymentIntent of a charge shows; None if it is not known yet."""
    match intent.status:
        case "succeeded":
            return Paid(charge, intent.id)
        case "requires_capture":
            return Authorized(charge, intent.id)
        case "canceled" | "requires_action" | "requires_payment_method":
            return Declined(charge, decline_reason(intent))
        case _:
            return None


def was_released(intent: Any) -> bool:
    """Whether a PaymentIntent held money, and was then canceled."""
    failed = getattr(intent, "last_payment_error", None)
    return intent.status == "canceled" and bool(intent.latest_charge) and not failed


def decline_reason(intent: Any) -> str:
    """Returns why no money came of a PaymentIntent."""
    error = getattr(intent, "last_payment_error", None)
    if not error:
        return VOIDED if was_released(intent) else MUST_ACT
    return str(getattr(error, "decline_code", None) or getattr(error, "code", None) or "card_declined")


def money_of(intent: Any) -> tuple[int, str]:
    """Returns the amount in the minor unit, and the currency."""
    currency = intent.currency.upper()
    return from_stripe(intent.amount, currency), currency


def _found(charge: Charge, attempts: Sequence[Any]) -> Found:
    known = [one for one in attempts if is_attempt_of(kept_key(charge.key), tag(one, KEY))]
    moved = [one for one in known if one.status == "succeeded"]
    moved = moved or [one for one in known if one.status == "requires_capture"]
    if moved:
        return Found(_adopted(charge, moved))
    if any(one.status == "processing" for one in known):
        return Found(None, is_open=True)
    own = [one for one in known if tag(one, KEY) == kept_key(charge.key)]
    if own:
        return Found(outcome_of(charge, own[0]))
    return Found(None, abandoned=[one.id for one in known if one.status != "canceled"])


def _adopted(charge: Charge, moved: Sequence[Any]) -> Outcome | None:
    """Money that another attempt moved or holds counts for this one, because it must not move twice."""
    for intent in moved:
        if money_of(intent) == (charge.amount, charge.currency):
            return outcome_of(charge, intent)
    amount, currency = money_of(moved[0])
    return Declined(charge, refusal(f"Stripe has {amount} {currency} for this order already ({moved[0].id})"))
