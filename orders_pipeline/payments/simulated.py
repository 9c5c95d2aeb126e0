"""A gateway whose every outcome is a function of a seed and the charge's key, so it needs no journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from orders_pipeline.payments.gateway import Charge, Declined, Outcome, Paid

REASONS = ("card_declined", "insufficient_funds", "expired_card", "do_not_honor")
GROUP = 5_000
HASH_VALUES = 2.0**64


@dataclass(frozen=True, slots=True)
class SimulatedGateway:
    """Accepts a share of the charges after a delay; delays in seconds."""

    seed: str
    success_rate: float = 0.9
    delay_min: float = 1.0
    delay_max: float = 3.0
    max_in_flight: int = 10_000
    _keyed: blake2b = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_keyed", blake2b(key=self.seed.encode()[:64], digest_size=20))

    async def charge(self, charges: Sequence[Charge]) -> AsyncIterator[Sequence[Outcome]]:
        """Outcomes at once where there is no delay, else each after its own delay."""
        if self.delay_max <= 0:
            for start in range(0, len(charges), GROUP):
                yield [self.outcome_of(charge) for charge in charges[start : start + GROUP]]
            return
        answered: asyncio.Queue[Outcome] = asyncio.Queue()
        remaining = iter(charges)
        width = min(self.max_in_flight, len(charges))
        async with asyncio.TaskGroup() as lanes:
            for _ in range(width):
                lanes.create_task(self._answer_in_turn(remaining, answered))
            left = len(charges)
            while left:
                group = [await answered.get()]
                while not answered.empty() and len(group) < GROUP:
                    group.append(answered.get_nowait())
                left -= len(group)
                yield group

    def outcome_of(self, charge: Charge) -> Outcome:
        """The one outcome that this seed has for the charge's key."""
        digest = self._digest(charge.key)
        if int.from_bytes(digest[:8], "big") < self.success_rate * HASH_VALUES:
            return Paid(charge, _transaction_id(digest))
        return Declined(charge, _reason(digest))

    def holds(self, outcome: Outcome) -> bool:
        """Whether the outcome is one of this seed; the success rate may have been another at the time."""
        digest = self._digest(outcome.charge.key)
        if isinstance(outcome, Paid):
            return outcome.transaction_id == _transaction_id(digest)
        return outcome.reason == _reason(digest)

    async def _answer_in_turn(self, charges: Iterator[Charge], answered: asyncio.Queue[Outcome]) -> None:
        for charge in charges:
            share = int.from_bytes(self._digest(charge.key)[-4:], "big") / 2**32
            await asyncio.sleep(self.delay_min + share * (self.delay_max - self.delay_min))
            answered.put_nowait(self.outcome_of(charge))

    def _digest(self, key: str) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(key.encode())
        return keyed.digest()


def _transaction_id(digest: bytes) -> str:
    return f"txn_{digest[8:].hex()}"


def _reason(digest: bytes) -> str:
    return REASONS[digest[8] % len(REASONS)]
