"""A simulated gateway: the seed and the key of a charge determine its outcome, so it needs no journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from orders_pipeline.payments.gateway import Charge, Declined, Outcome, Paid
from orders_pipeline.payments.lanes import GROUP, Observe, answers_in_lanes, unobserved

REASONS = ("card_declined", "insufficient_funds", "expired_card", "do_not_honor")
HASH_VALUES = 2.0**64


@dataclass(frozen=True, slots=True)
class SimulatedGateway:
    """Accepts a share of the charges (`success_rate`) after a delay in seconds."""

    seed: str
    success_rate: float = 0.9
    delay_min: float = 1.0
    delay_max: float = 3.0
    max_in_flight: int = 10_000
    observe: Observe = unobserved
    _keyed: blake2b = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_keyed", blake2b(key=self.seed.encode()[:64], digest_size=20))

    async def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        """Yields all outcomes at once if there is no delay, otherwise each after its own delay."""
        if self.delay_max <= 0:
            for start in range(0, len(charges), GROUP):
                yield [self.outcome_of(charge) for charge in charges[start : start + GROUP]]
            return
        async for group in answers_in_lanes(charges, self.max_in_flight, self._answer_in_time, self.observe):
            yield group

    def outcome_of(self, charge: Charge) -> Outcome:
        """Returns the outcome that the seed determines for the charge's key."""
        digest = self._digest(charge.key)
        if int.from_bytes(digest[:8], "big") < self.success_rate * HASH_VALUES:
            return Paid(charge, _transaction_id(digest))
        return Declined(charge, _reason(digest))

    def answers(self) -> bool:
        """Returns True: the gateway is part of this process."""
        return True

    def holds(self, outcome: Outcome) -> bool:
        """Whether this seed can give this outcome with any success rate, which may have changed since."""
        digest = self._digest(outcome.charge.key)
        if isinstance(outcome, Paid):
            return outcome.transaction_id == _transaction_id(digest)
        return outcome.reason == _reason(digest)

    def journal(self) -> None:
        """Returns None: outcomes are computed, not kept."""

    def delay_of(self, charge: Charge) -> float:
        """Returns the seconds until the answer; always the same for the same key."""
        share = int.from_bytes(self._digest(charge.key)[-4:], "big") / 2**32
        return self.delay_min + share * (self.delay_max - self.delay_min)

    async def _answer_in_time(self, charge: Charge) -> Outcome:
        await asyncio.sleep(self.delay_of(charge))
        return self.outcome_of(charge)

    def _digest(self, key: str) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(key.encode())
        return keyed.digest()


def _transaction_id(digest: bytes) -> str:
    return f"txn_{digest[8:].hex()}"


def _reason(digest: bytes) -> str:
    return REASONS[digest[8] % len(REASONS)]
