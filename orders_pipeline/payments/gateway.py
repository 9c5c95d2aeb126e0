"""The contract between the pipeline and a payment gateway."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import lru_cache
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable
from urllib.parse import quote

from orders_pipeline.base.model import EndKind, PaymentStatus, RefundStatus

REFUSED = "refused: "
# The reason why no money will come of an authorization that was released.
VOIDED = "voided"
# Reason of a decline: the bank wants the customer to confirm the payment.
AUTHENTICATION_REQUIRED = "authentication_required"


class Charge(NamedTuple):
    """One attempt to charge one order.

    Attributes:
        key: the idempotency key; the gateway charges once for each key, however often it gets the request.
        amount: in the currency's minor unit.
        asked_before: the gateway may have an earlier request for this order, so it is looked up first. Money
            that another attempt took for the order makes this one paid.
        capture: whether the money is taken at once. Without it, the gateway only holds it (it authorizes).
        payment_method: what the customer pays with, as the gateway names it; empty if the file does not say.
        customer: who pays, as the gateway names them; empty if the file does not say.
        asked_since: seconds since 1970 before which the gateway cannot have a request; 0 if that is unknown.
    """

    order_id: int
    attempt: int
    key: str
    amount: int
    currency: str
    asked_before: bool = False
    capture: bool = True
    payment_method: str = ""
    customer: str = ""
    asked_since: int = 0


class Paid(NamedTuple):
    """The gateway took the money."""

    charge: Charge
    transaction_id: str


class Authorized(NamedTuple):
    """The gateway holds the money, until it is captured or voided."""

    charge: Charge
    transaction_id: str


class Declined(NamedTuple):
    """The gateway declined the charge, or refused the request (see `refusal`), and took no money for it."""

    charge: Charge
    reason: str


class Refund(NamedTuple):
    """One request to refund money of a captured charge.

    Attributes:
        id: of the refund in the store.
        key: the idempotency key, see `refund_key`.
        transaction_id: of the captured charge.
        amount: in the currency's minor unit.
        asked_before: the gateway may have an earlier request for this refund, so it is looked up first.
    """

    id: int
    key: str
    transaction_id: str
    amount: int
    currency: str
    asked_before: bool


class Refunded(NamedTuple):
    """The gateway made the refund; `transaction_id` is that of the refund."""

    refund: Refund
    transaction_id: str


class RefundFailed(NamedTuple):
    """The gateway declined the refund, or refused the request (see `refusal`); no money was refunded."""

    refund: Refund
    reason: str


class Capture(NamedTuple):
    """One request to take the whole amount of an authorized charge.

    Attributes:
        key: the idempotency key, see `end_key`.
        transaction_id: of the authorized charge.
        amount: that of the charge, in the currency's minor unit.
        asked_before: the gateway may have an earlier request, so it is looked up first.
    """

    order_id: int
    key: str
    transaction_id: str
    amount: int
    currency: str
    asked_before: bool = False


class Captured(NamedTuple):
    """The gateway took the money; `transaction_id` is that of the capture."""

    capture: Capture
    transaction_id: str


class CaptureDeclined(NamedTuple):
    """The gateway could not take the money, or refused the request; it no longer holds the money."""

    capture: Capture
    reason: str


class Void(NamedTuple):
    """One request to release an authorized charge; its attributes are those of `Capture`."""

    order_id: int
    key: str
    transaction_id: str
    amount: int
    currency: str
    asked_before: bool = False


class Voided(NamedTuple):
    """The gateway no longer holds the money; `transaction_id` is that of the void."""

    void: Void
    transaction_id: str


class VoidFailed(NamedTuple):
    """The gateway did not release the charge, or refused the request."""

    void: Void
    reason: str


Outcome = Paid | Authorized | Declined
RefundOutcome = Refunded | RefundFailed
CaptureOutcome = Captured | CaptureDeclined
VoidOutcome = Voided | VoidFailed


class JournalEntry(NamedTuple):
    """A charge in the gateway's journal, as it stands now.

    Attributes:
        transaction_id: of a charge that was captured or authorized, also after it was voided.
        decline_reason: of a charge that was declined.
        status: succeeded once it is captured.
    """

    key: str
    amount: int
    currency: str
    transaction_id: str | None
    decline_reason: str | None
    status: PaymentStatus


class RefundEntry(NamedTuple):
    """A refund in the gateway's journal.

    Attributes:
        charge: transaction id of the captured charge.
        status: processing, completed or failed.
        transaction_id: of the refund; a completed one has it.
        reason: why it failed; a failed one has it.
    """

    key: str
    charge: str
    amount: int
    currency: str
    status: RefundStatus
    transaction_id: str | None
    reason: str | None


class GatewayUnavailableError(ConnectionError):
    """The gateway cannot be reached or does not answer."""


class OutcomesOpenError(GatewayUnavailableError):
    """Some requests have no known outcome: `open_requests` says how many."""

    requests: ClassVar[str]

    def __init__(self, open_requests: int, sent: int, why: str = "") -> None:
        last = f" (last reason: {why})" if why else ""
        super().__init__(
            f"The outcome of {open_requests} of {sent} {self.requests} is not known yet{last}. "
            "It is safe to repeat them with the same keys"
        )
        self.open_requests = open_requests


class ChargesOpenError(OutcomesOpenError):
    """Some charges are neither paid nor declined."""

    requests = "charges"


class RefundsOpenError(OutcomesOpenError):
    """Some refunds have neither gone through nor failed."""

    requests = "refunds"


class CapturesOpenError(OutcomesOpenError):
    """Some captures have neither gone through nor been declined."""

    requests = "captures"


class VoidsOpenError(OutcomesOpenError):
    """Some voids have neither gone through nor failed."""

    requests = "voids"


class GatewayRefusedError(RuntimeError):
    """The gateway refuses all requests, for example because of a wrong API key. This is not a decline."""


class PaymentGateway(Protocol):
    """Takes charges, captures, voids and refunds, many at a time, and yields outcomes as they arrive."""

    def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        """Yields outcomes in groups, in no particular order, and leaves out charges without a known outcome.

        Raises:
            ChargesOpenError: at the end, if outcomes are unknown. Repeating with the same keys is safe.
            GatewayRefusedError: at the end, if the gateway refuses all requests.
        """
        ...

    def capture(self, captures: Sequence[Capture]) -> AsyncGenerator[Sequence[CaptureOutcome], None]:
        """Takes the money of authorized charges; yields outcomes as `charge` does.

        Raises:
            CapturesOpenError: at the end, if outcomes are unknown. Repeating with the same keys is safe.
            GatewayRefusedError: at the end, if the gateway refuses all requests.
        """
        ...

    def void(self, voids: Sequence[Void]) -> AsyncGenerator[Sequence[VoidOutcome], None]:
        """Releases authorized charges; yields outcomes as `charge` does.

        Raises:
            VoidsOpenError: at the end, if outcomes are unknown. Repeating with the same keys is safe.
            GatewayRefusedError: at the end, if the gateway refuses all requests.
        """
        ...

    def refund(self, refunds: Sequence[Refund]) -> AsyncGenerator[Sequence[RefundOutcome], None]:
        """Makes refunds; yields outcomes as `charge` does.

        Raises:
            RefundsOpenError: at the end, if outcomes are unknown. Repeating with the same keys is safe.
            GatewayRefusedError: at the end, if the gateway refuses all requests.
        """
        ...

    def answers(self) -> bool:
        """Whether the gateway accepts requests at the moment."""
        ...

    def holds(self, outcome: Outcome | RefundOutcome) -> bool:
        """Whether the gateway's own journal has the same outcome of this charge or refund.

        A charge that was captured later is paid; one that was voided is declined, with the reason `VOIDED`.
        """
        ...

    def journal(self) -> Iterator[Sequence[JournalEntry]] | None:
        """Yields all charges in the gateway's journal, in pages; None if it keeps no journal.

        Raises:
            GatewayUnavailableError: the gateway does not answer.
        """
        ...

    def refund_journal(self) -> Iterator[Sequence[RefundEntry]] | None:
        """Yields all refunds in the gateway's journal, in pages; None if it keeps no journal.

        Raises:
            GatewayUnavailableError: the gateway does not answer.
        """
        ...


class ProviderEvent(NamedTuple):
    """An event of a provider.

    Attributes:
        id: the same for each repetition.
        body: JSON in the terms of the gateway's events; None if the event changes nothing.
        why: the reason why it changes nothing, unless its type is the reason.
    """

    id: str
    body: str | None
    why: str = ""


@runtime_checkable
class EventSource(Protocol):
    """A gateway that lists its events, so that those that were never received can be found."""

    def events(self, since: int) -> Iterator[ProviderEvent]:
        """Yields all events from a time on, in seconds since 1970, in no particular order.

        Raises:
            GatewayUnavailableError: the gateway does not answer.
        """
        ...


def idempotency_key(source: str, number: str, attempt: int) -> str:
    """Returns the idempotency key of an order's attempt.

    The key does not contain database ids, so it is the same in every database. A slash in the source is
    written as %2F, so that no two orders share a key.
    """
    return f"{_quoted(source)}/{number}/{attempt}"


def refund_key(refund_id: str, attempt: int) -> str:
    """Returns the idempotency key of a refund's attempt, counted from 1; a new one begins after a failure.

    Args:
        refund_id: random, and stored before the gateway is asked.
    """
    return f"refund/{refund_id}/{attempt}"


def end_key(kind: EndKind, charge_key: str, number: int) -> str:
    """Returns the idempotency key of a request that ends an authorization.

    Args:
        charge_key: that of the charge.
        number: 1 for the first request, and one more after each that the gateway refused.
    """
    return f"{kind}/{charge_key}/{number}"


def attempts_prefix(key: str) -> str:
    """Returns what the keys of all attempts for the same order, or of the same refund, begin with."""
    return f"{key.rpartition('/')[0]}/"


def is_attempt_of(key: str, other: str) -> bool:
    """Whether `other` is the key of an attempt for the same order, or of the same refund, as `key`."""
    prefix = attempts_prefix(key)
    return other == key or (other.startswith(prefix) and other[len(prefix) :].isdecimal())


def refusal(words: str) -> str:
    """Returns the reason of a request that the gateway permanently refuses, with the gateway's message.

    The gateway's journal does not have such a request.
    """
    return f"{REFUSED}{words}"


def is_refusal(reason: str) -> bool:
    """Whether `refusal` made this reason."""
    return reason.startswith(REFUSED)


@lru_cache
def _quoted(source: str) -> str:
    return quote(source, safe="")
