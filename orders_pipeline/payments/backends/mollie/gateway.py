"""Charges, captures, voids and refunds through Mollie.

A charge is a recurring payment with the customer's mandate. Mollie keeps an idempotency key only for an hour,
so a request that Mollie may have received is looked up before it is sent again: charges by their metadata in
the list of payments, refunds in the list of their payment, captures and voids by their payment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from mollie import ClientSDK

from orders_pipeline.payments.backends.mollie.charging import Charging
from orders_pipeline.payments.backends.mollie.ending import Capturing, Voiding
from orders_pipeline.payments.backends.mollie.events import events_since
from orders_pipeline.payments.backends.mollie.payments import attempt_of, attempt_with, payments_since, tag
from orders_pipeline.payments.backends.mollie.refunding import Refunding, made_refund
from orders_pipeline.payments.backends.mollie.requests import MollieAccount, pages
from orders_pipeline.payments.backends.providers.attempts import Attempt, journal_page
from orders_pipeline.payments.backends.providers.gateway import ProviderGateway
from orders_pipeline.payments.backends.providers.references import STORE
from orders_pipeline.payments.backends.providers.refunds import refund_entry
from orders_pipeline.payments.gateway import (
    JournalEntry,
    ProviderEvent,
    RefundEntry,
)


@dataclass(frozen=True, slots=True)
class MollieGateway(ProviderGateway):
    """A profile of Mollie as the gateway of one order store."""

    provider: ClassVar[str] = "Mollie"
    account: MollieAccount

    def charging(self, client: ClientSDK, began: int) -> Charging:
        """Returns how charges are looked up and made."""
        return Charging(client, self.store, self.account.timeout, began)

    def capturing(self, client: ClientSDK) -> Capturing:
        """Returns how captures are looked up and made."""
        return Capturing(client, self.account.timeout)

    def voiding(self, client: ClientSDK) -> Voiding:
        """Returns how voids are looked up and made."""
        return Voiding(client, self.account.timeout)

    def refunding(self, client: ClientSDK) -> Refunding:
        """Returns how refunds are looked up and made."""
        return Refunding(client, self.store, self.account.timeout)

    async def payment(self, client: ClientSDK, payment: str) -> Attempt | None:
        """Returns the payment with an id; None if Mollie does not know it."""
        return await attempt_with(client, payment, self.account.timeout)

    def journal(self) -> Iterator[Sequence[JournalEntry]]:
        """Yields all charges of the store with a known outcome."""

        async def read(client: ClientSDK) -> list[list[JournalEntry]]:
            payments = payments_since(client, self.store, self.since, self.account.timeout)
            return [journal_page([attempt_of(one) for one in page]) async for page in payments]

        yield from self.read(read)

    def refund_journal(self) -> Iterator[Sequence[RefundEntry]]:
        """Yields all refunds of the store."""

        async def read(client: ClientSDK) -> list[list[RefundEntry]]:
            return [
                [refund_entry(made_refund(one)) for one in page.refunds if tag(one, STORE) == self.store]
                async for page in pages(client.refunds.all_async, self.account.timeout)
            ]

        yield from self.read(read)

    def events(self, since: int) -> Iterator[ProviderEvent]:
        """Yields the events about payments and refunds of the store since a time."""

        async def read(client: ClientSDK) -> list[ProviderEvent]:
            return [one async for one in events_since(client, self.store, since, self.account.timeout)]

        yield from self.read(read)
