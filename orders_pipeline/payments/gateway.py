"""What the pipeline asks of a payment gateway."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol
from urllib.parse import quote


class Charge(NamedTuple):
    """One attempt to charge one order; the key makes the gateway charge it once, however often it is sent."""

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
    """The gateway refused; nothing was taken."""

    charge: Charge
    reason: str


Outcome = Paid | Declined


class JournalEntry(NamedTuple):
    """A charge of known outcome in the gateway's journal: captured by a transaction, or declined."""

    key: str
    amount: int
    currency: str
    transaction_id: str | None
    decline_reason: str | None


class GatewayUnavailableError(ConnectionError):
    """The gateway cannot be reached, or does not answer."""


class ChargesOpenError(GatewayUnavailableError):
    """Some charges have no known outcome: neither paid nor declined."""

    def __init__(self, open_charges: int, charges: int, why: str = "") -> None:
        last = f" (the last reason: {why})" if why else ""
        super().__init__(
            f"{open_charges} of {charges} charges have no known outcome yet{last}; "
            "asking again with the same keys is safe"
        )
        self.open_charges = open_charges


class ChargeRefusedError(RuntimeError):
    """The gateway refuses the request itself (a wrong API key, a key used for another charge): no decline."""


class PaymentGateway(Protocol):
    """Charges a batch and hands out results as they come."""

    def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        """Outcomes of the charges, in groups, in no particular order; one that stays unknown is left out.

        Raises:
            ChargesOpenError: at the end, where outcomes are unknown; asking again with the same keys is safe.
            ChargeRefusedError: at the end, where the gateway refused a request itself.
        """
        ...

    def answers(self) -> bool:
        """Whether it takes requests at the moment."""
        ...

    def holds(self, outcome: Outcome) -> bool:
        """Whether the gateway's own journal has this outcome of the charge."""
        ...

    def journal(self) -> Iterator[Sequence[JournalEntry]] | None:
        """All charges that the gateway's journal has, in pages; None where it keeps none.

        Raises:
            GatewayUnavailableError: the gateway does not answer.
        """
        ...


def idempotency_key(source: str, number: str, attempt: int) -> str:
    """The key of an order's attempt: the same on every database, however ids were handed out.

    A slash in the source's name is written as %2F, so that no two orders share a key.
    """
    return f"{_quoted(source)}/{number}/{attempt}"


@lru_cache
def _quoted(source: str) -> str:
    return quote(source, safe="")
