"""Charges, captures, voids and refunds through Stripe.

A charge is a PaymentIntent that is created and confirmed in one request, off-session. Idempotency keys make
repeated requests safe only as long as Stripe keeps the keys. So a request that Stripe may have received is
looked up before it is sent again: charges by their metadata in the list of PaymentIntents, refunds in the
list of their PaymentIntent, captures and voids by their PaymentIntent. Stripe's search is not used, because
it may not find recent objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import stripe

from orders_pipeline.payments.backends.providers.attempts import Attempt, journal_page
from orders_pipeline.payments.backends.providers.gateway import ProviderGateway
from orders_pipeline.payments.backends.providers.references import STORE
from orders_pipeline.payments.backends.providers.refunds import refund_entry
from orders_pipeline.payments.backends.stripe.charging import Charging
from orders_pipeline.payments.backends.stripe.ending import Capturing, Voiding
from orders_pipeline.payments.backends.stripe.events import events_since
from orders_pipeline.payments.backends.stripe.intents import attempt_of, intent_with, intents_since, tag
from orders_pipeline.payments.backends.stripe.refunding import Refunding, made_refund
from orders_pipeline.payments.backends.stripe.requests import StripeAccount, pages
from orders_pipeline.payments.gateway import (
    JournalEntry,
    ProviderEvent,
    RefundEntry,
)


@dataclass(frozen=True, slots=True)
class StripeGateway(ProviderGateway):
    """An account of Stripe as the gateway of one order store.

    Attributes:
        statement_suffix: what a customer's statement shows after the shop's own prefix; empty for nothing.
    """

    provider: ClassVar[str] = "Stripe"
    account: StripeAccount
    statement_suffix: str = ""

    def charging(self, client: stripe.StripeClient, began: int) -> Charging:
        """Returns how charges are looked up and made."""
        return Charging(client, self.store, self.statement_suffix, self.account.timeout, began)

    def capturing(self, client: stripe.StripeClient) -> Capturing:
        """Returns how captures are looked up and made."""
        return Capturing(client, self.account.timeout)

    def voiding(self, client: stripe.StripeClient) -> Voiding:
        """Returns how voids are looked up and made."""
        return Voiding(client, self.account.timeout)

    def refunding(self, client: stripe.StripeClient) -> Refunding:
        """Returns how refunds are looked up and made."""
        return Refunding(client, self.store, self.account.timeout)

    async def payment(self, client: stripe.StripeClient, payment: str) -> Attempt | None:
        """Returns the PaymentIntent with an id; None if Stripe does not know it."""
        found = await intent_with(client, payment, self.account.timeout)
        return attempt_of(found) if found else None

    def journal(self) -> Iterator[Sequence[JournalEntry]]:
        """Yields all charges of the store with a known outcome."""

        async def read(client: stripe.StripeClient) -> list[list[JournalEntry]]:
            intents = intents_since(client, self.store, self.since, self.account.timeout)
            return [journal_page([attempt_of(one) for one in page]) async for page in intents]

        yield from self.read(read)

    def refund_journal(self) -> Iterator[Sequence[RefundEntry]]:
        """Yields all refunds of the store."""

        async def read(client: stripe.StripeClient) -> list[list[RefundEntry]]:
            lists = client.v1.refunds.list_async
            return [
                [refund_entry(made_refund(one)) for one in page if tag(one, STORE) == self.store]
                async for page in pages(lists, self.account.timeout)
            ]

        yield from self.read(read)

    def events(self, since: int) -> Iterator[ProviderEvent]:
        """Yields the events of the account since a time."""

        async def read(client: stripe.StripeClient) -> list[ProviderEvent]:
            return [one async for one in events_since(client, since, self.account.timeout)]

        yield from self.read(read)
