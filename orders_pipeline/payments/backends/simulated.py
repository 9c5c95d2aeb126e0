"""A simulated gateway: the seed and the key of a request determine its outcome, so it needs no journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TypeVar

from orders_pipeline.payments.gateway import (
    VOIDED,
    Authorized,
    Capture,
    Captured,
    CaptureDeclined,
    CaptureOutcome,
    Charge,
    Declined,
    Outcome,
    Paid,
    Refund,
    Refunded,
    RefundFailed,
    RefundOutcome,
    Void,
    Voided,
    VoidOutcome,
)
from orders_pipeline.payments.lanes import GROUP, Observe, answers_in_lanes, unobserved

REASONS = ("card_declined", "insufficient_funds", "expired_card", "do_not_honor")
CAPTURE_REASONS = ("authorization_expired", "card_declined", "insufficient_funds")
REFUND_REASONS = ("expired_or_canceled_card", "lost_or_stolen_card", "declined")
HASH_VALUES = 2.0**64
ORDER_DIGITS = 12
Asked = TypeVar("Asked", Charge, Refund, Capture, Void)
Answer = TypeVar("Answer", Outcome, RefundOutcome, CaptureOutcome, VoidOutcome)


@dataclass(frozen=True, slots=True)
class SimulatedGateway:
    """Accepts a share of charges, captures and refunds (`..._success_rate`), and every void, after a delay.

    It stores nothing, so it does not check captures, voids and refunds against their charges. Delays are in
    seconds; captures and voids take as long as charges.
    """

    seed: str
    success_rate: float = 0.9
    delay_min: float = 1.0
    delay_max: float = 3.0
    max_in_flight: int = 10_000
    observe: Observe = unobserved
    refund_success_rate: float = 1.0
    refund_delay_min: float = 0.5
    refund_delay_max: float = 1.5
    capture_success_rate: float = 1.0
    _keyed: blake2b = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_keyed", blake2b(key=self.seed.encode()[:64], digest_size=20))

    def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        """Yields all outcomes at once if there is no delay, otherwise each after its own delay."""
        delay_of = self.delay_of if self.delay_max > 0 else None
        return self._answers(charges, self.outcome_of, delay_of, self.observe)

    def capture(self, captures: Sequence[Capture]) -> AsyncGenerator[Sequence[CaptureOutcome], None]:
        """Yields all outcomes at once if there is no delay, otherwise each after its own delay."""
        delay_of = self.delay_of if self.delay_max > 0 else None
        return self._answers(captures, self.capture_outcome_of, delay_of, unobserved)

    def void(self, voids: Sequence[Void]) -> AsyncGenerator[Sequence[VoidOutcome], None]:
        """Yields all outcomes at once if there is no delay, otherwise each after its own delay."""
        delay_of = self.delay_of if self.delay_max > 0 else None
        return self._answers(voids, self.void_outcome_of, delay_of, unobserved)

    def refund(self, refunds: Sequence[Refund]) -> AsyncGenerator[Sequence[RefundOutcome], None]:
        """Yields all outcomes at once if there is no delay, otherwise each after its own delay."""
        delay_of = self.refund_delay_of if self.refund_delay_max > 0 else None
        return self._answers(refunds, self.refund_outcome_of, delay_of, unobserved)

    def outcome_of(self, charge: Charge) -> Outcome:
        """Returns the outcome that the seed determines for the charge's key."""
        digest = self._digest(charge.key)
        if _share(digest[:8]) < self.success_rate:
            return (Paid if charge.capture else Authorized)(
                charge, _transaction_of_charge(charge.key, digest)
            )
        return Declined(charge, _reason(digest, REASONS))

    def capture_outcome_of(self, capture: Capture) -> CaptureOutcome:
        """Returns the outcome that the seed determines for the capture's key."""
        digest = self._digest(capture.key)
        if _share(digest[:8]) < self.capture_success_rate:
            return Captured(capture, _transaction_id(digest))
        return CaptureDeclined(capture, _reason(digest, CAPTURE_REASONS))

    def void_outcome_of(self, void: Void) -> VoidOutcome:
        """Returns the outcome of a released charge, with a transaction id that the seed determines."""
        return Voided(void, _transaction_id(self._digest(void.key)))

    def refund_outcome_of(self, refund: Refund) -> RefundOutcome:
        """Returns the outcome that the seed determines for the refund's key."""
        digest = self._digest(refund.key)
        if _share(digest[:8]) < self.refund_success_rate:
            return Refunded(refund, _transaction_id(digest))
        return RefundFailed(refund, _reason(digest, REFUND_REASONS))

    def answers(self) -> bool:
        """Returns True: the gateway is part of this process."""
        return True

    def holds(self, outcome: Outcome | RefundOutcome) -> bool:
        """Whether this seed can give this outcome with any success rate, which may have changed since."""
        match outcome:
            case Paid(charge, transaction_id) | Authorized(charge, transaction_id):
                digest = self._digest(charge.key)
                # Older versions used the order id alone as the transaction id.
                of_charge = transaction_id == _transaction_of_charge(charge.key, digest)
                return of_charge or transaction_id == _transaction_id(digest)
            case Refunded(refund, transaction_id):
                return transaction_id == _transaction_id(self._digest(refund.key))
            case Declined(charge, reason):
                return reason == VOIDED or reason == _reason(self._digest(charge.key), REASONS)
            case RefundFailed(refund, reason):
                return reason == _reason(self._digest(refund.key), REFUND_REASONS)

    def journal(self) -> None:
        """Returns None, because outcomes are computed and not stored."""

    def refund_journal(self) -> None:
        """Returns None, because outcomes are computed and not stored."""

    def delay_of(self, asked: Charge | Capture | Void) -> float:
        """Returns the seconds until the response; always the same for the same key."""
        return self._delay(asked.key, self.delay_min, self.delay_max)

    def refund_delay_of(self, refund: Refund) -> float:
        """Returns the seconds until the response; always the same for the same key."""
        return self._delay(refund.key, self.refund_delay_min, self.refund_delay_max)

    async def _answers(
        self,
        asked: Sequence[Asked],
        outcome_of: Callable[[Asked], Answer],
        delay_of: Callable[[Asked], float] | None,
        observe: Observe,
    ) -> AsyncGenerator[Sequence[Answer], None]:
        if delay_of is None:
            for start in range(0, len(asked), GROUP):
                yield [outcome_of(one) for one in asked[start : start + GROUP]]
            return

        async def answer_in_time(one: Asked) -> Answer:
            await asyncio.sleep(delay_of(one))
            return outcome_of(one)

        groups: AsyncGenerator[Sequence[Answer], None] = answers_in_lanes(
            asked, self.max_in_flight, answer_in_time, observe
        )
        async for group in groups:
            yield group

    def _delay(self, key: str, shortest: float, longest: float) -> float:
        share = _share(self._digest(key)[-8:])
        return shortest + share * (longest - shortest)

    def _digest(self, key: str) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(key.encode())
        return keyed.digest()


def _share(value: bytes) -> float:
    return int.from_bytes(value, "big") / HASH_VALUES


def _transaction_id(digest: bytes) -> str:
    return f"txn_{digest[8:].hex()}"


def _transaction_of_charge(key: str, digest: bytes) -> str:
    """Starts with the end of the order number, because ascending ids are cheap to index."""
    number = f"/{key}".rsplit("/", 2)[-2]
    if not (number.isascii() and number.isalnum()):
        return _transaction_id(digest)
    return f"txn_{number[-ORDER_DIGITS:]:0>{ORDER_DIGITS}}{digest[8:16].hex()}"


def _reason(digest: bytes, reasons: Sequence[str]) -> str:
    return reasons[digest[8] % len(reasons)]
