"""The contract between the pipeline and a payment gateway."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol
from urllib.parse import quote


class Charge(NamedTuple):
    """One attempt to charge one order.

    Attributes:
        key: the idempotency key; the gateway charges once for each key, however often it gets the request.
        amount: in the currency's minor unit.
    """

    order_id: int
    attempt: int
    key: str
    amount: int
    currency: str


class Paid(NamedTuple):
    """The gateway took the money."""

    charge: Charge
    transaction_id: str


class Declined(NamedTuple):
    """The gateway declined the charge and took no money."""

    charge: Charge
    reason: str


Outcome = Paid | Declined


class JournalEntry(NamedTuple):
    """A charge in the gateway's journal: captured, with a transaction id, or declined, with a reason."""

    key: str
    amount: int
    currency: str
    transaction_id: str | None
    decline_reason: str | None


class GatewayUnavailableError(ConnectionError):
    """The gateway cannot be reached or does not answer."""


class ChargesOpenError(GatewayUnavailableError):
    """Some charges have no known outcome: neither paid nor declined."""

    def __init__(self, open_charges: int, charges: int, why: str = "") -> None:
        last = f" (last reason: {why})" if why else ""
        super().__init__(
            f"The outcome of {open_charges} of {charges} charges is not known yet{last}. "
            "It is safe to repeat them with the same keys"
        )
        self.open_charges = open_charges


class ChargeRefusedError(RuntimeError):
    """The gateway refuses the request itself, for example because of a wrong API key. This is no decline."""


class PaymentGateway(Protocol):
    """Charges a batch and yields outcomes as they arrive."""

    def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        """Yields outcomes in groups, in no particular order, and leaves out charges without a known outcome.

        Raises:
            ChargesOpenError: at the end, if outcomes are unknown. Repeating with the same keys is safe.
            ChargeRefusedError: at the end, if the gateway refused a request itself.
        """
        ...

    def answers(self) -> bool:
        """Whether the gateway accepts requests at the moment."""
        ...

    def holds(self, outcome: Outcome) -> bool:
        """Whether the gateway's own journal has the same outcome of this charge."""
        ...

    def journal(self) -> Iterator[Sequence[JournalEntry]] | None:
        """Yields all charges in the gateway's journal, in pages; None if it keeps no journal.

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


@lru_cache
def _quoted(source: str) -> str:
    return quote(source, safe="")
