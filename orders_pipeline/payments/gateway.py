"""What the pipeline asks of a payment gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
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


class PaymentGateway(Protocol):
    """Charges a batch and hands out results as they come."""

    def charge(self, charges: Sequence[Charge]) -> AsyncIterator[Sequence[Outcome]]:
        """Outcomes of all charges, in groups, in no particular order.

        Raises:
            ConnectionError: the gateway cannot be reached; asking again with the same keys is safe.
        """
        ...

    def holds(self, outcome: Outcome) -> bool:
        """Whether the gateway's own journal has this outcome of the charge."""
        ...


def idempotency_key(source: str, number: str, attempt: int) -> str:
    """The key of an order's attempt: the same on every database, however ids were handed out.

    A slash in the source's name is written as %2F, so that no two orders share a key.
    """
    return f"{quote(source, safe='')}/{number}/{attempt}"
