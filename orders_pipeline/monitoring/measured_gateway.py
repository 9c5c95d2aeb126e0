"""A payment gateway wrapper that counts outcomes for the metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from orders_pipeline.monitoring.tallies import CHARGES, Tallies
from orders_pipeline.payments.gateway import (
    Charge,
    ChargesOpenError,
    JournalEntry,
    Outcome,
    Paid,
    PaymentGateway,
)

WRITE_EVERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class MeasuredGateway:
    """Forwards charges to a gateway, and counts their outcomes."""

    gateway: PaymentGateway
    tallies: Tallies

    async def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        """Yields the gateway's outcomes as they arrive."""
        written_at = time.monotonic()
        try:
            async with aclosing(self.gateway.charge(charges)) as groups:
                async for group in groups:
                    self._count(group)
                    yield group
                    if time.monotonic() - written_at >= WRITE_EVERY_SECONDS:
                        # In a thread, so that a slow Redis does not delay open requests.
                        await asyncio.to_thread(self.tallies.add, self.tallies.take())
                        written_at = time.monotonic()
        except ChargesOpenError as error:
            self.tallies.count(CHARGES, ("unknown",), error.open_charges)
            raise
        finally:
            self.tallies.write()

    def answers(self) -> bool:
        """Whether the gateway answers."""
        return self.gateway.answers()

    def holds(self, outcome: Outcome) -> bool:
        """Whether the gateway's own journal records this outcome of the charge."""
        return self.gateway.holds(outcome)

    def journal(self) -> Iterator[Sequence[JournalEntry]] | None:
        """All charges in the gateway's journal."""
        return self.gateway.journal()

    def _count(self, group: Sequence[Outcome]) -> None:
        paid = sum(isinstance(outcome, Paid) for outcome in group)
        self.tallies.count(CHARGES, ("paid",), paid)
        self.tallies.count(CHARGES, ("declined",), len(group) - paid)
