"""The common part of gateways of providers with their own client: rounds of requests, and the journal."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from orders_pipeline.payments.backends.providers.answers import OutcomeUnknown
from orders_pipeline.payments.backends.providers.asking import Asking, asked_in_rounds
from orders_pipeline.payments.backends.providers.attempts import Attempt, journal_page, shows_outcome
from orders_pipeline.payments.backends.providers.references import kept_key
from orders_pipeline.payments.backends.providers.refunds import shows_refund
from orders_pipeline.payments.gateway import (
    Capture,
    CaptureOutcome,
    CapturesOpenError,
    Charge,
    ChargesOpenError,
    Declined,
    GatewayRefusedError,
    GatewayUnavailableError,
    JournalEntry,
    Outcome,
    Refund,
    Refunded,
    RefundEntry,
    RefundFailed,
    RefundOutcome,
    RefundsOpenError,
    Void,
    VoidOutcome,
    VoidsOpenError,
    is_attempt_of,
)
from orders_pipeline.payments.lanes import Observe, unobserved

Page = TypeVar("Page")


@dataclass(frozen=True, slots=True)
class ProviderGateway(ABC):
    """An account of a provider as the gateway of one order store.

    Attributes:
        account: opens the provider's client (`connected`, `run`), and checks the key.
        store: tag of the order store, which distinguishes its payments from others of the account.
        since: time from which on the store may have payments, in seconds since 1970.
        connections: number of requests open at the same time.
    """

    provider: ClassVar[str]
    account: Any
    store: str
    since: int = 0
    connections: int = 100
    observe: Observe = unobserved

    @abstractmethod
    def charging(self, client: Any, began: int) -> Asking[Charge, Outcome]:
        """Returns how charges are looked up and made; no new charge was sent before `began`."""

    @abstractmethod
    def capturing(self, client: Any) -> Asking[Capture, CaptureOutcome]:
        """Returns how captures are looked up and made."""

    @abstractmethod
    def voiding(self, client: Any) -> Asking[Void, VoidOutcome]:
        """Returns how voids are looked up and made."""

    @abstractmethod
    def refunding(self, client: Any) -> Asking[Refund, RefundOutcome]:
        """Returns how refunds are looked up and made."""

    @abstractmethod
    async def payment(self, client: Any, payment: str) -> Attempt | None:
        """Returns the payment with an id; None if the provider does not know it."""

    @abstractmethod
    def journal(self) -> Iterator[Sequence[JournalEntry]]:
        """Yields all charges of the store with a known outcome."""

    @abstractmethod
    def refund_journal(self) -> Iterator[Sequence[RefundEntry]]:
        """Yields all refunds of the store."""

    def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        began = int(time.time())
        return asked_in_rounds(
            self.account.connected(),
            lambda client: self.charging(client, began),
            ChargesOpenError,
            charges,
            self.connections,
            self.observe,
        )

    def capture(self, captures: Sequence[Capture]) -> AsyncGenerator[Sequence[CaptureOutcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        connected = self.account.connected()
        return asked_in_rounds(connected, self.capturing, CapturesOpenError, captures, self.connections)

    def void(self, voids: Sequence[Void]) -> AsyncGenerator[Sequence[VoidOutcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        connected = self.account.connected()
        return asked_in_rounds(connected, self.voiding, VoidsOpenError, voids, self.connections)

    def refund(self, refunds: Sequence[Refund]) -> AsyncGenerator[Sequence[RefundOutcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        connected = self.account.connected()
        return asked_in_rounds(connected, self.refunding, RefundsOpenError, refunds, self.connections)

    def answers(self) -> bool:
        """Whether the provider responds at the moment, even if it refuses the API key."""
        try:
            self.account.check()
        except GatewayUnavailableError:
            return False
        except GatewayRefusedError:
            return True
        return True

    def holds(self, outcome: Outcome | RefundOutcome) -> bool:
        """Looks up the charge or refund and compares the outcome. Providers do not store refused requests."""
        if isinstance(outcome, Refunded | RefundFailed):
            return shows_refund([one for page in self.refund_journal() for one in page], outcome)
        key = kept_key(outcome.charge.key)
        pages = self.journal() if isinstance(outcome, Declined) else self._entry(outcome.transaction_id)
        return shows_outcome([one for page in pages for one in page if is_attempt_of(key, one.key)], outcome)

    def _entry(self, payment: str) -> list[list[JournalEntry]]:
        """Returns a page of the journal with one payment only, because the whole journal can be long."""

        async def read(client: Any) -> list[list[JournalEntry]]:
            found = await self.payment(client, payment)
            return [journal_page([found])] if found else []

        return self.read(read)

    def read(self, read: Callable[[Any], Coroutine[Any, Any, list[Page]]]) -> list[Page]:
        """Reads lists of the provider.

        Raises:
            GatewayUnavailableError: the provider does not answer.
        """
        try:
            found: list[Page] = self.account.run(read)
        except OutcomeUnknown as error:
            raise GatewayUnavailableError(f"{self.provider} does not answer: {error}") from None
        return found
