"""What a gateway's HTTP answers mean: paid, declined, unknown, not now, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field, ValidationError

from orders_pipeline.payments.gateway import Charge, ChargeRefusedError, Declined, JournalEntry, Outcome, Paid

CHARGES = "/v1/charges"
KEY_LENGTH = 255
OK, ACCEPTED, PAYMENT_REQUIRED, CONFLICT, TOO_MANY = 200, 202, 402, 409, 429
REQUEST_TIMEOUT = 408


class ChargeStatus(StrEnum):
    """Where a charge stands at the gateway."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"


class ChargeDocument(BaseModel):
    """A charge as the gateway shows it; the amount is in the currency's minor unit."""

    id: str
    status: ChargeStatus
    amount: Annotated[int, Field(strict=True, ge=0)]
    currency: str
    reference: str
    transaction_id: str | None
    decline_reason: str | None


class ChargePage(BaseModel):
    """A page of the gateway's list of charges."""

    data: list[ChargeDocument]
    has_more: bool


class NotNow(Exception):
    """The gateway did not take the request or does not tell; `retry_after` in seconds, where it said so."""

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


def wire_key(key: str) -> str:
    """The key as a header can carry it: ASCII, at most 255 characters, still one for each key."""
    quoted = quote(key, safe="/")
    return quoted if len(quoted) <= KEY_LENGTH else f"sha256:{sha256(key.encode()).hexdigest()}"


def outcome_of_answer(charge: Charge, response: httpx.Response) -> Outcome | None:
    """Reads the answer to a request to charge; returns None where the outcome stays unknown.

    Raises:
        NotNow: the gateway says that it did not take the request (429).
        ChargeRefusedError: it refuses the request itself.
    """
    status = response.status_code
    if status in (OK, PAYMENT_REQUIRED):
        return _shown_outcome(charge, response)
    if status == TOO_MANY:
        raise NotNow("too many requests", retry_after(response.headers))
    # 409: another request with this key is at work, so the outcome is on its way.
    if status in (ACCEPTED, REQUEST_TIMEOUT, CONFLICT) or status >= 500:
        return None
    if (refusal := _gateway_error(response)) is None:
        return None
    raise ChargeRefusedError(f"the gateway refused charge {charge.key}: {status} {refusal}")


def outcome_of(charge: Charge, document: ChargeDocument) -> Outcome | None:
    """The outcome that a charge's document shows; None while it is pending.

    Raises:
        ChargeRefusedError: the gateway has another charge under this key.
    """
    if (document.reference, document.amount, document.currency) != (
        charge.key,
        charge.amount,
        charge.currency,
    ):
        raise ChargeRefusedError(
            f"the gateway has another charge under the key {charge.key}: "
            f"{document.amount} {document.currency}, not {charge.amount} {charge.currency}"
        )
    if document.status is ChargeStatus.SUCCEEDED and document.transaction_id:
        return Paid(charge, document.transaction_id)
    if document.status is ChargeStatus.DECLINED and document.decline_reason:
        return Declined(charge, document.decline_reason)
    return None


def page_of_answer(response: httpx.Response) -> ChargePage:
    """The page of charges in the answer to a look-up or a list.

    Raises:
        NotNow: the gateway does not tell at the moment, or something else than the gateway answered.
        ChargeRefusedError: it refuses the request itself.
    """
    status = response.status_code
    if status == OK:
        try:
            return ChargePage.model_validate_json(response.content)
        except ValidationError as error:
            raise NotNow(f"unreadable answer: {error.error_count()} errors") from None
    if status in (REQUEST_TIMEOUT, CONFLICT, TOO_MANY) or status >= 500:
        raise NotNow(f"status {status}", retry_after(response.headers))
    if (refusal := _gateway_error(response)) is None:
        kind = response.headers.get("content-type", "no content type")
        raise NotNow(f"status {status} with {kind}, which is no answer of a payment gateway")
    raise ChargeRefusedError(f"the gateway refused to show charges: {status} {refusal}")


def journal_entry(document: ChargeDocument) -> JournalEntry:
    """A charge whose outcome is known, as the journal has it."""
    return JournalEntry(
        key=document.reference,
        amount=document.amount,
        currency=document.currency,
        transaction_id=document.transaction_id,
        decline_reason=document.decline_reason,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks to wait (RFC 9110, 10.2.3: seconds or an HTTP date)."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    now = datetime.now(UTC)
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())


def _shown_outcome(charge: Charge, response: httpx.Response) -> Outcome | None:
    try:
        shown: Any = response.json()
        if response.status_code == PAYMENT_REQUIRED:
            shown = shown["error"]["charge"]
        document = ChargeDocument.model_validate(shown)
    except (ValueError, KeyError, TypeError):
        return None
    return outcome_of(charge, document)


def _gateway_error(response: httpx.Response) -> str | None:
    """Code and message of the gateway's own error; None for a page of a proxy in between, such as in HTML."""
    try:
        error = response.json()["error"]
        return f"{error['code']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        return None
