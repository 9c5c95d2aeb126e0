"""Charges, captures, voids and refunds through Mollie.

A charge is a recurring payment with the customer's mandate. Mollie keeps an idempotency key for an hour, so
whatever it may have is looked up before it is sent again: charges in the list of payments by their metadata,
refunds in the list of their payment, captures and voids by their payment.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mollie import ClientSDK

from orders_pipeline.payments.backends.mollie.charging import Charging
from orders_pipeline.payments.backends.mollie.ending import Capturing, Voiding
from orders_pipeline.payments.backends.mollie.events import events_since
from orders_pipeline.payments.backends.mollie.payments import attempt_of, payments_since, tag
from orders_pipeline.payments.backends.mollie.refunding import Refunding, made_refund
from orders_pipeline.payments.backends.mollie.requests import MollieAccount, pages
from orders_pipeline.payments.backends.providers.answers import OutcomeUnknown
from orders_pipeline.payments.backends.providers.asking import asked_in_rounds
from orders_pipeline.payments.backends.providers.attempts import journal_page, shows_outcome
from orders_pipeline.payments.backends.providers.references import STORE, kept_key
from orders_pipeline.payments.backends.providers.refunds import refund_entry, shows_refund
from orders_pipeline.payments.gateway import (
    Capture,
    CaptureOutcome,
    CapturesOpenError,
    Charge,
    ChargesOpenError,
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
    ToldEvent,
    Void,
    VoidOutcome,
    VoidsOpenError,
    is_attempt_of,
)
from orders_pipeline.payments.lanes import Observe, unobserved

Page = TypeVar("Page")


@dataclass(frozen=True, slots=True)
class MollieGateway:
    """A profile of Mollie as the gateway of one order store.

    Attributes:
        store: token of the order store, by which its payments are told from others of the profile.
        since: seconds since 1970 from which on the store may have payments.
        connections: requests open at the same time.
    """

    account: MollieAccount
    store: str
    since: int = 0
    connections: int = 100
    observe: Observe = unobserved

    def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        began = int(time.time())
        return asked_in_rounds(
            self.account.connected(),
            lambda client: Charging(client, self.store, self.account.timeout, began),
            ChargesOpenError,
            charges,
            self.connections,
            self.observe,
        )

    def capture(self, captures: Sequence[Capture]) -> AsyncGenerator[Sequence[CaptureOutcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        return asked_in_rounds(
            self.account.connected(),
            lambda client: Capturing(client, self.account.timeout),
            CapturesOpenError,
            captures,
            self.connections,
        )

    def void(self, voids: Sequence[Void]) -> AsyncGenerator[Sequence[VoidOutcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        return asked_in_rounds(
            self.account.connected(),
            lambda client: Voiding(client, self.account.timeout),
            VoidsOpenError,
            voids,
            self.connections,
        )

    def refund(self, refunds: Sequence[Refund]) -> AsyncGenerator[Sequence[RefundOutcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        return asked_in_rounds(
            self.account.connected(),
            lambda client: Refunding(client, self.store, self.account.timeout),
            RefundsOpenError,
            refunds,
            self.connections,
        )

    def answers(self) -> bool:
        """Whether Mollie accepts requests at the moment, even if it refuses the API key."""
        try:
            self.account.check()
        except GatewayUnavailableError:
            return False
        except GatewayRefusedError:
            return True
        return True

    def holds(self, outcome: Outcome | RefundOutcome) -> bool:
        """Looks up the charge or refund, and compares the outcome. Mollie keeps no refused request."""
        if isinstance(outcome, Refunded | RefundFailed):
            return shows_refund([one for page in self.refund_journal() for one in page], outcome)
        key = kept_key(outcome.charge.key)
        entries = [one for page in self.journal() for one in page if is_attempt_of(key, one.key)]
        return shows_outcome(entries, outcome)

    def journal(self) -> Iterator[Sequence[JournalEntry]]:
        """Yields all charges of the store with a known outcome."""

        async def read(client: ClientSDK) -> list[list[JournalEntry]]:
            payments = payments_since(client, self.store, self.since, self.account.timeout)
            return [journal_page([attempt_of(one) for one in page]) async for page in payments]

        yield from self._read(read)

    def refund_journal(self) -> Iterator[Sequence[RefundEntry]]:
        """Yields all refunds of the store."""

        async def read(client: ClientSDK) -> list[list[RefundEntry]]:
            return [
                [refund_entry(made_refund(one)) for one in page.refunds if tag(one, STORE) == self.store]
                async for page in pages(client.refunds.all_async, self.account.timeout)
            ]

        yield from self._read(read)

    def events(self, since: int) -> Iterator[ToldEvent]:
        """Yields what happened to payments and refunds of the store from a time on."""

        async def read(client: ClientSDK) -> list[ToldEvent]:
            return [one async for one in events_since(client, self.store, since, self.account.timeout)]

        yield from self._read(read)

    def _read(self, read: Callable[[ClientSDK], Coroutine[Any, Any, list[Page]]]) -> list[Page]:
        try:
            return self.account.run(read)
        except OutcomeUnknown as error:
            raise GatewayUnavailableError(f"Mollie does not answer: {error}") from None
