"""Interprets the gateway's HTTP responses: paid, declined, unknown, try later, or refused."""

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
    """The status of a charge at the gateway."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"


class ChargeDocument(BaseModel):
    """A charge in the gateway's responses; the amount is in the currency's minor unit."""

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
    """The gateway did not accept the request or does not know the outcome yet; try again later.

    `retry_after` is the wait in seconds that the gateway asks for, if any.
    """

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


def wire_key(key: str) -> str:
    """Encodes a key for an HTTP header: ASCII, at most 255 characters, and still unique."""
    quoted = quote(key, safe="/")
    return quoted if len(quoted) <= KEY_LENGTH else f"sha256:{sha256(key.encode()).hexdigest()}"


def outcome_of_answer(charge: Charge, response: httpx.Response) -> Outcome | None:
    """Returns the outcome in the response to a charge request; None if the outcome is unknown.

    Raises:
        NotNow: the gateway did not accept the request (429).
        ChargeRefusedError: the gateway refuses the request itself.
    """
    status = response.status_code
    if status in (OK, PAYMENT_REQUIRED):
        return _shown_outcome(charge, response)
    if status == TOO_MANY:
        raise NotNow("too many requests", retry_after(response.headers))
    # 409: another request with this key is in progress, so an outcome will follow.
    if status in (ACCEPTED, REQUEST_TIMEOUT, CONFLICT) or status >= 500:
        return None
    if (refusal := _gateway_error(response)) is None:
        return None
    raise ChargeRefusedError(f"the gateway refused charge {charge.key}: {status} {refusal}")


def outcome_of(charge: Charge, document: ChargeDocument) -> Outcome | None:
    """Returns the outcome in a charge's document; None while the charge is pending.

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
    """Returns the page of charges in the response to a look-up or list request.

    Raises:
        NotNow: the gateway cannot answer now, or the response does not come from a gateway.
        ChargeRefusedError: the gateway refuses the request itself.
    """
    status = response.status_code
    if status == OK:
        try:
            return ChargePage.model_validate_json(response.content)
        except ValidationError as error:
            raise NotNow(f"the response is not valid: {error.error_count()} errors") from None
    if status in (REQUEST_TIMEOUT, CONFLICT, TOO_MANY) or status >= 500:
        raise NotNow(f"status {status}", retry_after(response.headers))
    if (refusal := _gateway_error(response)) is None:
        kind = response.headers.get("content-type", "no content type")
        raise NotNow(f"status {status} with {kind}, which does not come from a payment gateway")
    raise ChargeRefusedError(f"the gateway refused to show charges: {status} {refusal}")


def journal_entry(document: ChargeDocument) -> JournalEntry:
    """Converts a charge with a known outcome to a journal entry."""
    return JournalEntry(
        key=document.reference,
        amount=document.amount,
        currency=document.currency,
        transaction_id=document.transaction_id,
        decline_reason=document.decline_reason,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Returns the wait in seconds from a Retry-After header (RFC 9110, 10.2.3: seconds or HTTP date)."""
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
    """Returns code and message of the gateway's error; None if the response comes from a proxy."""
    try:
        error = response.json()["error"]
        return f"{error['code']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        return None
