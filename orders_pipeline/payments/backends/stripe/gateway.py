"""Charges, captures, voids and refunds through Stripe.

A charge is a PaymentIntent that is confirmed with its creation, off-session. Keys make repeated requests safe
only for as long as Stripe keeps them. So whatever Stripe may have is looked up before it is sent again:
charges in the list of PaymentIntents by their metadata, refunds in the list of their PaymentIntent, captures
and voids by their PaymentIntent. Stripe's search is not used, because what it does not find may exist all
the same.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import stripe

from orders_pipeline.payments.backends.providers.answers import OutcomeUnknown
from orders_pipeline.payments.backends.providers.asking import asked_in_rounds
from orders_pipeline.payments.backends.providers.attempts import journal_page, shows_outcome
from orders_pipeline.payments.backends.providers.references import STORE, kept_key
from orders_pipeline.payments.backends.providers.refunds import refund_entry, shows_refund
from orders_pipeline.payments.backends.stripe.charging import Charging
from orders_pipeline.payments.backends.stripe.ending import Capturing, Voiding
from orders_pipeline.payments.backends.stripe.events import events_since
from orders_pipeline.payments.backends.stripe.intents import attempt_of, intents_since, tag
from orders_pipeline.payments.backends.stripe.refunding import Refunding, made_refund
from orders_pipeline.payments.backends.stripe.requests import StripeAccount, pages
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


@dataclass(frozen=True, slots=True)
class StripeGateway:
    """An account of Stripe as the gateway of one order store.

    Attributes:
        store: token of the order store, by which its payments are told from others of the account.
        since: seconds since 1970 from which on the store may have payments.
        statement_suffix: what a customer's statement shows after the shop's own prefix; empty for nothing.
        connections: requests open at the same time.
    """

    account: StripeAccount
    store: str
    since: int = 0
    statement_suffix: str = ""
    connections: int = 100
    observe: Observe = unobserved

    def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        began = int(time.time())

        def charging(client: stripe.StripeClient) -> Charging:
            return Charging(client, self.store, self.statement_suffix, self.account.timeout, began)

        return asked_in_rounds(
            self.account.connected(), charging, ChargesOpenError, charges, self.connections, self.observe
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
        """Whether Stripe accepts requests at the moment, even if it refuses the API key."""
        try:
            self.account.check()
        except GatewayUnavailableError:
            return False
        except GatewayRefusedError:
            return True
        return True

    def holds(self, outcome: Outcome | RefundOutcome) -> bool:
        """Looks up the charge or refund, and compares the outcome. Stripe keeps no refused request."""
        if isinstance(outcome, Refunded | RefundFailed):
            return shows_refund([one for page in self.refund_journal() for one in page], outcome)
        key = kept_key(outcome.charge.key)
        entries = [one for page in self.journal() for one in page if is_attempt_of(key, one.key)]
        return shows_outcome(entries, outcome)

    def journal(self) -> Iterator[Sequence[JournalEntry]]:
        """Yields all charges of the store with a known outcome."""

        async def read(client: stripe.StripeClient) -> list[list[JournalEntry]]:
            intents = intents_since(client, self.store, self.since, self.account.timeout)
            return [journal_page([attempt_of(one) for one in page]) async for page in intents]

        yield from self._read(read)

    def refund_journal(self) -> Iterator[Sequence[RefundEntry]]:
        """Yields all refunds of the store."""

        async def read(client: stripe.StripeClient) -> list[list[RefundEntry]]:
            lists = client.v1.refunds.list_async
            return [
                [refund_entry(made_refund(one)) for one in page if tag(one, STORE) == self.store]
                async for page in pages(lists, self.account.timeout)
            ]

        yield from self._read(read)

    def events(self, since: int) -> Iterator[ToldEvent]:
        """Yields the events of the account from a time on."""

        async def read(client: stripe.StripeClient) -> list[ToldEvent]:
            return [one async for one in events_since(client, since, self.account.timeout)]

        yield from self._read(read)

    def _read(self, read: Any) -> Any:
        try:
            return self.account.run(read)
        except OutcomeUnknown as error:
            raise GatewayUnavailableError(f"Stripe does not answer: {error}") from None
