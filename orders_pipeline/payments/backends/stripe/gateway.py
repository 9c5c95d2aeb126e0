"""Charges, captures, voids and refunds through Stripe.

A charge is a PaymentIntent that is confirmed with its creation, off-session. Keys make repeated requests safe
only for as long as Stripe keeps them. So whatever Stripe may have is looked up before it is sent again:
charges in the list of PaymentIntents by their metadata, refunds in the list of their PaymentIntent, captures
and voids by their PaymentIntent. Stripe's search is not used, because what it does not find may exist all
the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import stripe

from orders_pipeline.payments.backends.providers.attempts import journal_page
from orders_pipeline.payments.backends.providers.gateway import ProviderGateway
from orders_pipeline.payments.backends.providers.references import STORE
from orders_pipeline.payments.backends.providers.refunds import refund_entry
from orders_pipeline.payments.backends.stripe.charging import Charging
from orders_pipeline.payments.backends.stripe.ending import Capturing, Voiding
from orders_pipeline.payments.backends.stripe.events import events_since
from orders_pipeline.payments.backends.stripe.intents import attempt_of, intents_since, tag
from orders_pipeline.payments.backends.stripe.refunding import Refunding, made_refund
from orders_pipeline.payments.backends.stripe.requests import StripeAccount, pages
from orders_pipeline.payments.gateway import (
    JournalEntry,
    RefundEntry,
    ToldEvent,
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
        """How charges are looked up and made."""
        return Charging(client, self.store, self.statement_suffix, self.account.timeout, began)

    def capturing(self, client: stripe.StripeClient) -> Capturing:
        """How captures are looked up and made."""
        return Capturing(client, self.account.timeout)

    def voiding(self, client: stripe.StripeClient) -> Voiding:
        """How voids are looked up and made."""
        return Voiding(client, self.account.timeout)

    def refunding(self, client: stripe.StripeClient) -> Refunding:
        """How refunds are looked up and made."""
        return Refunding(client, self.store, self.account.timeout)

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

    def events(self, since: int) -> Iterator[ToldEvent]:
        """Yields the events of the account from a time on."""

        async def read(client: stripe.StripeClient) -> list[ToldEvent]:
            return [one async for one in events_since(client, since, self.account.timeout)]

        yield from self.read(read)
