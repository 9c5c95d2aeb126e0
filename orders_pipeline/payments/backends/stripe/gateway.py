"""Charges, captures, voids and refunds through Stripe.

A charge is a PaymentIntent that is confirmed with its creation, off-session. Keys make repeated requests safe
only for as long as Stripe keeps them. So whatever Stripe may have is looked up before it is sent again:
charges in the list of PaymentIntents by their metadata, refunds in the list of their PaymentIntent, captures
and voids by their PaymentIntent. Stripe's search is not used, because what it does not find may exist all
the same.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import stripe

from orders_pipeline.payments.backends.stripe.asking import Answer, Asked, Asking, Rounds
from orders_pipeline.payments.backends.stripe.charging import Charging
from orders_pipeline.payments.backends.stripe.ending import Capturing, Voiding
from orders_pipeline.payments.backends.stripe.intents import STORE, intents_since, kept_key, tag
from orders_pipeline.payments.backends.stripe.journal import (
    JOURNAL_STATUSES,
    journal_entry,
    refund_entry,
    shows_outcome,
    shows_refund,
)
from orders_pipeline.payments.backends.stripe.refunding import Refunding
from orders_pipeline.payments.backends.stripe.requests import (
    OutcomeUnknown,
    StripeAccount,
    pages,
)
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
    OutcomesOpenError,
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

        return self._outcomes(charging, ChargesOpenError, charges, self.observe)

    def capture(self, captures: Sequence[Capture]) -> AsyncGenerator[Sequence[CaptureOutcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        return self._outcomes(
            lambda client: Capturing(client, self.account.timeout), CapturesOpenError, captures
        )

    def void(self, voids: Sequence[Void]) -> AsyncGenerator[Sequence[VoidOutcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        return self._outcomes(lambda client: Voiding(client, self.account.timeout), VoidsOpenError, voids)

    def refund(self, refunds: Sequence[Refund]) -> AsyncGenerator[Sequence[RefundOutcome], None]:
        """Yields outcomes as they arrive; raises at the end if some are unknown."""
        return self._outcomes(
            lambda client: Refunding(client, self.store, self.account.timeout), RefundsOpenError, refunds
        )

    async def _outcomes(
        self,
        asking_of: Callable[[stripe.StripeClient], Asking[Asked, Answer]],
        open_error: type[OutcomesOpenError],
        asked: Sequence[Asked],
        observe: Observe = unobserved,
    ) -> AsyncGenerator[Sequence[Answer], None]:
        async with self.account.connected() as client:
            asking = asking_of(client)
            rounds: Rounds[Asked, Answer]
            rounds = Rounds(asking.look_up, asking.send, open_error, self.connections, observe)
            async with aclosing(rounds.outcomes(asked)) as outcomes:
                async for group in outcomes:
                    yield group

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
            return [
                [journal_entry(one) for one in page if one.status in JOURNAL_STATUSES]
                async for page in intents
            ]

        yield from self._read(read)

    def refund_journal(self) -> Iterator[Sequence[RefundEntry]]:
        """Yields all refunds of the store."""

        async def read(client: stripe.StripeClient) -> list[list[RefundEntry]]:
            lists = client.v1.refunds.list_async
            return [
                [refund_entry(one) for one in page if tag(one, STORE) == self.store]
                async for page in pages(lists, self.account.timeout)
            ]

        yield from self._read(read)

    def _read(self, read: Any) -> Any:
        try:
            return self.account.run(read)
        except OutcomeUnknown as error:
            raise GatewayUnavailableError(f"Stripe does not answer: {error}") from None
