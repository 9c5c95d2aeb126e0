"""The documents of the gateway, and the endpoints that make and list them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, Field

from orders_pipeline.payments.gateway import (
    VOIDED,
    Authorized,
    Capture,
    Captured,
    CaptureDeclined,
    CaptureOutcome,
    CapturesOpenError,
    Charge,
    ChargesOpenError,
    Declined,
    Outcome,
    OutcomesOpenError,
    Paid,
    Refund,
    Refunded,
    RefundFailed,
    RefundOutcome,
    RefundsOpenError,
    Void,
    Voided,
    VoidFailed,
    VoidOutcome,
    VoidsOpenError,
)

KEY_LENGTH = 255
PAGE = 1_000


class Status(StrEnum):
    """The status of a document at the gateway. A charge is declined, all other documents fail.

    A charge is authorized while the gateway holds its money, and voided after the money was released.
    """

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    FAILED = "failed"
    AUTHORIZED = "authorized"
    VOIDED = "voided"


class Document(BaseModel):
    """A charge, refund, capture or void in the gateway's responses; the amount is in the minor unit."""

    id: str
    status: Status
    amount: Annotated[int, Field(strict=True, ge=0)]
    currency: str
    reference: str
    transaction_id: str | None
    reason: str | None

    @property
    def succeeded(self) -> bool:
        """Whether the money moved."""
        return self.status is Status.SUCCEEDED and bool(self.transaction_id)

    @property
    def held(self) -> bool:
        """Whether the gateway holds the money."""
        return self.status is Status.AUTHORIZED and bool(self.transaction_id)

    @property
    def failed(self) -> bool:
        """Whether the request failed, so that no money moves."""
        return bool(self.why_failed)

    @property
    def why_failed(self) -> str | None:
        """The reason of the failure; None if the request succeeded or may still succeed."""
        if self.status is Status.VOIDED:
            return VOIDED
        return self.reason if self.status in (Status.DECLINED, Status.FAILED) else None


class ChargeDocument(Document):
    """A charge."""

    reason: str | None = Field(alias="decline_reason")


class ChargeEndDocument(Document):
    """A refund, a capture or a void; `charge` is the transaction id of the charge."""

    charge: str
    reason: str | None = Field(alias="failure_reason")


Asked = TypeVar("Asked", Charge, Refund, Capture, Void)
Answer = TypeVar("Answer", Outcome, RefundOutcome, CaptureOutcome, VoidOutcome)
Found = TypeVar("Found", bound=Document)


class Page(BaseModel, Generic[Found]):
    """A page of one of the gateway's lists."""

    data: list[Found]
    has_more: bool

    def following(self, params: dict[str, str]) -> dict[str, str] | None:
        """Returns the parameters of the next page, or None after the last one."""
        if not (self.has_more and self.data):
            return None
        return params | {"starting_after": self.data[-1].id}


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[Asked, Answer, Found]):
    """How charges, refunds, captures or voids are made and listed.

    Attributes:
        body: the values that are sent; the document in the response has the same values.
        done: makes the outcome of a successful request from its transaction id.
        failed: makes the outcome of a request that was declined or refused, from the reason.
        options: values that are also sent; documents do not contain them.
        held: makes the outcome of an authorized request; only charges are authorized.
    """

    path: str
    page: type[Page[Found]]
    document: type[Found]
    body: Callable[[Asked], dict[str, Any]]
    done: Callable[[Asked, str], Answer]
    failed: Callable[[Asked, str], Answer]
    open_error: type[OutcomesOpenError]
    options: Callable[[Asked], dict[str, Any]] = lambda _: {}
    held: Callable[[Asked, str], Answer] | None = None


def _charge_body(charge: Charge) -> dict[str, Any]:
    return {"amount": charge.amount, "currency": charge.currency, "reference": charge.key}


def _charge_options(charge: Charge) -> dict[str, Any]:
    return {} if charge.capture else {"capture": False}


def _body_of_end(asked: Refund | Capture | Void) -> dict[str, Any]:
    body = {"charge": asked.transaction_id, "amount": asked.amount}
    return body | {"currency": asked.currency, "reference": asked.key}


CHARGES: Endpoint[Charge, Outcome, ChargeDocument] = Endpoint(
    "/v1/charges",
    Page[ChargeDocument],
    ChargeDocument,
    _charge_body,
    Paid,
    Declined,
    ChargesOpenError,
    _charge_options,
    Authorized,
)
REFUNDS: Endpoint[Refund, RefundOutcome, ChargeEndDocument] = Endpoint(
    "/v1/refunds",
    Page[ChargeEndDocument],
    ChargeEndDocument,
    _body_of_end,
    Refunded,
    RefundFailed,
    RefundsOpenError,
)
CAPTURES: Endpoint[Capture, CaptureOutcome, ChargeEndDocument] = Endpoint(
    "/v1/captures",
    Page[ChargeEndDocument],
    ChargeEndDocument,
    _body_of_end,
    Captured,
    CaptureDeclined,
    CapturesOpenError,
)
VOIDS: Endpoint[Void, VoidOutcome, ChargeEndDocument] = Endpoint(
    "/v1/voids",
    Page[ChargeEndDocument],
    ChargeEndDocument,
    _body_of_end,
    Voided,
    VoidFailed,
    VoidsOpenError,
)


def wire_key(key: str) -> str:
    """Encodes a key for an HTTP header: ASCII, at most 255 characters, and still unique."""
    quoted = quote(key, safe="/")
    return quoted if len(quoted) <= KEY_LENGTH else f"sha256:{sha256(key.encode()).hexdigest()}"
