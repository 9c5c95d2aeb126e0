"""Fault injection: a seed, the key and the number of the request decide which fault a request meets."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from hashlib import blake2b
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]


class Fault(StrEnum):
    """A fault that a request for a charge or refund can meet.

    `..._BEFORE` happens before it is in the journal, `..._AFTER` after that. All pass but `REFUSE`.
    """

    SLOW = "slow"
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    RATE_LIMITED = "rate_limited"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    TIMEOUT_AFTER = "timeout_after"
    LATE_SUCCESS = "late_success"
    TRICKLE_AFTER = "trickle_after"
    MAINTENANCE_PAGE = "maintenance_page"
    REFUSE = "refuse"


PASSING = tuple(fault for fault in Fault if fault is not Fault.REFUSE)


class FaultPlan(BaseModel):
    """How often each fault happens.

    Attributes:
        rates: share of the requests that meet each fault; of `REFUSE`, share of the keys.
        first_requests: how many requests of a key, from the first, can meet a fault; 0 means all. A key that
            is refused once is always refused.
        forget_keys_after: seconds after its outcome for which a key is known; then the same key makes a new
            request. None: keys are kept.
        trickle_seconds: pause after each byte of a trickling response.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rates: dict[Fault, Share] = Field(default_factory=dict)
    seed: str = ""
    first_requests: Annotated[int, Field(ge=0)] = 0
    slow_seconds: Seconds = 2.0
    late_seconds: Seconds = 2.0
    hang_seconds: Seconds = 60.0
    trickle_seconds: Seconds = 1.0
    retry_after_seconds: Annotated[int, Field(ge=0)] = 1
    retry_after_as_date: bool = False
    forget_keys_after: Seconds | None = None

    @model_validator(mode="after")
    def _at_most_one_fault_a_request(self) -> FaultPlan:
        if sum(self.rates.values()) > 1 + 1e-9:
            raise ValueError("the sum of all rates is above 1")
        return self

    def fault_of(self, key: str, request: int) -> Fault | None:
        """Returns the fault of the n-th request with a key, counted from 1."""
        if self._share(key) < self.rates.get(Fault.REFUSE, 0.0):
            return Fault.REFUSE
        if self.first_requests and request > self.first_requests:
            return None
        share = self._share(f"{request}:{key}")
        for fault in PASSING:
            share -= self.rates.get(fault, 0.0)
            if share < 0:
                return fault
        return None

    def _share(self, of: str) -> float:
        digest = blake2b(of.encode(), key=self.seed.encode()[:64], digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2.0**64


class FaultDice:
    """Counts the requests of each key, and the faults that were injected."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self.injected: Counter[Fault] = Counter()
        self._requests: Counter[str] = Counter()

    def replace(self, plan: FaultPlan) -> None:
        """Replaces the plan and resets the request count of every key."""
        self.plan = plan
        self._requests.clear()

    def throw(self, key: str) -> Fault | None:
        """Counts a request with a key and returns its fault."""
        if not self.plan.rates:
            return None
        self._requests[key] += 1
        return self.plan.fault_of(key, self._requests[key])

    def note(self, fault: Fault) -> None:
        """Counts a fault that was injected."""
        self.injected[fault] += 1
