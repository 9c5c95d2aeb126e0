"""Interprets the gateway's HTTP responses: done, failed, unknown, try later, or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from pydantic import ValidationError

from orders_pipeline.payments.backends.http.documents import Answer, Asked, Document, Endpoint, Found, Page
from orders_pipeline.payments.gateway import (
    VOIDED,
    CaptureDeclined,
    Declined,
    GatewayRefusedError,
    RefundFailed,
    VoidFailed,
    is_attempt_of,
    is_refusal,
    refusal,
)

OK, ACCEPTED, BAD_REQUEST, PAYMENT_REQUIRED, CONFLICT, TOO_MANY = 200, 202, 400, 402, 409, 429
REQUEST_TIMEOUT = 408
# Unauthorized, forbidden, not found, method not allowed: the key or the URL is wrong, so all requests fail.
REFUSING_ALL = (401, 403, 404, 405)


class NotNow(Exception):
    """The gateway did not accept the request or does not know the outcome yet; try again later.

    `retry_after` is the wait in seconds that the gateway asks for, if any.
    """

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class OutcomeUnknown(Exception):
    """The request was sent, but its outcome is not known yet."""

    def __init__(self, cause: NotNow | None = None) -> None:
        super().__init__("pending" if cause is None else str(cause))
        self.retry_after = cause.retry_after if cause else None


def outcome_of_answer(
    endpoint: Endpoint[Asked, Answer, Found], asked: Asked, response: httpx.Response
) -> Answer | None:
    """Returns the outcome in the response to a request for money; None if the outcome is unknown.

    A request that the gateway permanently refuses has failed, with the gateway's message as the reason.

    Raises:
        NotNow: the gateway did not accept the request (429).
        GatewayRefusedError: the gateway refuses all requests.
    """
    status = response.status_code
    if status in (OK, PAYMENT_REQUIRED):
        return _shown_outcome(endpoint, asked, response)
    if status == TOO_MANY:
        raise NotNow("too many requests", retry_after(response.headers))
    # 409: another request with this key is in progress, so an outcome will follow.
    if status in (ACCEPTED, REQUEST_TIMEOUT, CONFLICT) or status >= 500:
        return None
    if (words := _gateway_error(response)) is None:
        return None
    if status < BAD_REQUEST or status in REFUSING_ALL:
        raise GatewayRefusedError(f"the gateway refused {asked.key}: {status} {words}")
    return endpoint.failed(asked, refusal(f"{status} {words}"))


def outcome_of_attempts(
    endpoint: Endpoint[Asked, Answer, Found], asked: Asked, listed: Sequence[Found]
) -> Answer | None:
    """Returns the outcome that the gateway's list of attempts shows; None if the request must be sent.

    Money that another attempt moved or holds counts for this one, because it must not move twice. If amount
    or currency differ, this request has failed.

    Raises:
        OutcomeUnknown: an attempt is pending.
    """
    attempts = [one for one in listed if is_attempt_of(asked.key, one.reference)]
    if moved := [one for one in attempts if one.succeeded] or [one for one in attempts if one.held]:
        return _adopted(endpoint, asked, moved)
    if not all(one.failed for one in attempts):
        raise OutcomeUnknown
    own = [one for one in attempts if one.reference == asked.key]
    return _outcome(endpoint, asked, own[-1]) if own else None


def is_outcome_of(
    endpoint: Endpoint[Asked, Answer, Found], asked: Asked, outcome: Answer, listed: Sequence[Found]
) -> bool:
    """Whether the gateway's list of attempts shows this outcome of a request."""
    if not isinstance(outcome, Declined | RefundFailed | CaptureDeclined | VoidFailed):
        moved = [one for one in listed if _is_same_money(endpoint, asked, one)]
        return any(_is_same(_outcome(endpoint, asked, one), outcome) for one in moved)
    if outcome.reason == VOIDED:
        return any(_is_same_money(endpoint, asked, one) and one.why_failed == VOIDED for one in listed)
    own = [one for one in listed if _is_for(endpoint.body(asked), one)]
    if is_refusal(outcome.reason):
        return not own
    return any(_outcome(endpoint, asked, one) == outcome for one in own)


def _is_same(found: object, outcome: object) -> bool:
    # Types are compared too, because as tuples, held money and captured money would be equal.
    return type(found) is type(outcome) and found == outcome


def page_of_answer(endpoint: Endpoint[Asked, Answer, Found], response: httpx.Response) -> Page[Found]:
    """Returns the page in the response to a list request.

    Raises:
        NotNow: the gateway cannot answer now, or the response does not come from a gateway.
        GatewayRefusedError: the gateway refuses the request itself.
    """
    status = response.status_code
    if status == OK:
        try:
            return endpoint.page.model_validate_json(response.content)
        except ValidationError as error:
            raise NotNow(f"the response is not valid: {error.error_count()} errors") from None
    if status in (REQUEST_TIMEOUT, CONFLICT, TOO_MANY) or status >= 500:
        raise NotNow(f"status {status}", retry_after(response.headers))
    if (words := _gateway_error(response)) is None:
        kind = response.headers.get("content-type", "no content type")
        raise NotNow(f"status {status} with {kind}, which does not come from a payment gateway")
    raise GatewayRefusedError(f"the gateway refused to list {endpoint.path}: {status} {words}")


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


def _shown_outcome(
    endpoint: Endpoint[Asked, Answer, Found], asked: Asked, response: httpx.Response
) -> Answer | None:
    try:
        shown: Any = response.json()
        if response.status_code == PAYMENT_REQUIRED:
            shown = shown["error"]["charge"]
        document = endpoint.document.model_validate(shown)
    except (ValueError, KeyError, TypeError):
        return None
    if not _is_for(endpoint.body(asked), document):
        return endpoint.failed(asked, refusal(f"the gateway has {_described(document)} under this key"))
    return _outcome(endpoint, asked, document)


def _outcome(endpoint: Endpoint[Asked, Answer, Found], asked: Asked, document: Found) -> Answer | None:
    if document.succeeded and document.transaction_id:
        return endpoint.done(asked, document.transaction_id)
    if endpoint.held and document.held and document.transaction_id:
        return endpoint.held(asked, document.transaction_id)
    if document.why_failed:
        return endpoint.failed(asked, document.why_failed)
    return None


def _adopted(endpoint: Endpoint[Asked, Answer, Found], asked: Asked, moved: Sequence[Found]) -> Answer | None:
    for document in moved:
        if _is_same_money(endpoint, asked, document):
            return _outcome(endpoint, asked, document)
    return endpoint.failed(asked, refusal(f"the gateway has {_described(moved[0])} already"))


def _is_same_money(endpoint: Endpoint[Asked, Answer, Found], asked: Asked, document: Found) -> bool:
    """Whether the document is of this request or of another attempt with the same content."""
    wanted = endpoint.body(asked) | {"reference": document.reference}
    return is_attempt_of(asked.key, document.reference) and _is_for(wanted, document)


def _is_for(wanted: Mapping[str, Any], document: Document) -> bool:
    return all(getattr(document, name) == value for name, value in wanted.items())


def _described(document: Document) -> str:
    described = f"{document.amount} {document.currency} for {document.reference}"
    return f"{described} ({document.transaction_id})" if document.transaction_id else described


def _gateway_error(response: httpx.Response) -> str | None:
    """Returns code and message of the gateway's error; None if the response comes from a proxy."""
    try:
        error = response.json()["error"]
        return f"{error['code']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        return None
