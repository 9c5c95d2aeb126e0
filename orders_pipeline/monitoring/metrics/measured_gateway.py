"""A payment gateway wrapper that counts outcomes for the metrics."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from orders_pipeline.monitoring.metrics.tallies import CAPTURES, CHARGES, REFUNDS, VOIDS, Measure, Tallies
from orders_pipeline.payments.gateway import (
    Authorized,
    Capture,
    Captured,
    CaptureDeclined,
    CaptureOutcome,
    Charge,
    Declined,
    JournalEntry,
    Outcome,
    OutcomesOpenError,
    Paid,
    PaymentGateway,
    Refund,
    Refunded,
    RefundEntry,
    RefundFailed,
    RefundOutcome,
    Void,
    Voided,
    VoidFailed,
    VoidOutcome,
)

WRITE_EVERY_SECONDS = 5.0
LABELS: dict[type, str] = {
    **{Paid: "paid", Authorized: "authorized", Declined: "declined"},
    **{Captured: "captured", CaptureDeclined: "declined", Voided: "voided", VoidFailed: "failed"},
    **{Refunded: "refunded", RefundFailed: "failed"},
}
Answer = TypeVar("Answer", Outcome, RefundOutcome, CaptureOutcome, VoidOutcome)


@dataclass(frozen=True, slots=True)
class MeasuredGateway:
    """Forwards requests to a gateway, and counts their outcomes."""

    gateway: PaymentGateway
    tallies: Tallies

    def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        """Yields the gateway's outcomes as they arrive."""
        return self._counted(self.gateway.charge(charges), CHARGES)

    def capture(self, captures: Sequence[Capture]) -> AsyncGenerator[Sequence[CaptureOutcome], None]:
        """Yields the gateway's outcomes as they arrive."""
        return self._counted(self.gateway.capture(captures), CAPTURES)

    def void(self, voids: Sequence[Void]) -> AsyncGenerator[Sequence[VoidOutcome], None]:
        """Yields the gateway's outcomes as they arrive."""
        return self._counted(self.gateway.void(voids), VOIDS)

    def refund(self, refunds: Sequence[Refund]) -> AsyncGenerator[Sequence[RefundOutcome], None]:
        """Yields the gateway's outcomes as they arrive."""
        return self._counted(self.gateway.refund(refunds), REFUNDS)

    def answers(self) -> bool:
        """Whether the gateway answers."""
        return self.gateway.answers()

    def holds(self, outcome: Outcome | RefundOutcome) -> bool:
        """Whether the gateway's own journal records this outcome of the charge or refund."""
        return self.gateway.holds(outcome)

    def journal(self) -> Iterator[Sequence[JournalEntry]] | None:
        """All charges in the gateway's journal."""
        return self.gateway.journal()

    def refund_journal(self) -> Iterator[Sequence[RefundEntry]] | None:
        """All refunds in the gateway's journal."""
        return self.gateway.refund_journal()

    async def _counted(
        self, answers: AsyncGenerator[Sequence[Answer], None], measure: Measure
    ) -> AsyncGenerator[Sequence[Answer], None]:
        written_at = time.monotonic()
        try:
            async with aclosing(answers) as groups:
                async for group in groups:
                    for label, number in Counter(LABELS[type(answer)] for answer in group).items():
                        self.tallies.count(measure, (label,), number)
                    yield group
                    if time.monotonic() - written_at >= WRITE_EVERY_SECONDS:
                        # In a thread, so that a slow Redis does not delay open requests.
                        await asyncio.to_thread(self.tallies.add, self.tallies.take())
                        written_at = time.monotonic()
        except OutcomesOpenError as error:
            self.tallies.count(measure, ("unknown",), error.open_requests)
            raise
        finally:
            self.tallies.write()
