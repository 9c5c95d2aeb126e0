"""Each payment gateway with customers who can pay, for tests that every gateway must pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from orders_pipeline.payments.backends.mollie.gateway import MollieGateway
from orders_pipeline.payments.backends.mollie.requests import MollieAccount
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.backends.stripe.gateway import StripeGateway
from orders_pipeline.payments.backends.stripe.requests import StripeAccount
from orders_pipeline.payments.gateway import (
    Charge,
    Paid,
    PaymentGateway,
    Refund,
    idempotency_key,
    refund_key,
)
from tests.servers import mollie_server, stripe_server
from tests.servers.gateway_server import SEED, SUCCESS_RATE, GatewayServer

# Shorter than the timeout that `faulty` injects.
TIMEOUT = 2.0
GOOD, DECLINED = "good", "declined"
# The payment method and the customer for a charge with this key.
Payer = Callable[[str, str], tuple[str, str] | None]


@dataclass(frozen=True, slots=True)
class Shop:
    """A gateway, and customers whose payments succeed or are declined.

    Attributes:
        payer: returns what pays a charge with this key, with an outcome of this kind; None if keys decide,
            and this key has another outcome.
        decline_reason: of all declined charges; None if it varies.
        keeps_charges: whether the gateway has a memory beside the key.
        unknown: id of a payment that the provider does not have.
        url: of the provider, if it has one; `at` returns the gateway at another URL.
    """

    gateway: PaymentGateway
    payer: Payer
    decline_reason: str | None = None
    keeps_charges: bool = True
    url: str = ""
    unknown: str = ""
    at: Callable[[str], PaymentGateway] | None = None

    def charges(self, source: str, kinds: Sequence[str], **more: Any) -> list[Charge]:
        """A charge for each of these kinds of outcome."""
        return [self._charge(source, n, kind, more) for n, kind in enumerate(kinds)]

    def _charge(self, source: str, n: int, kind: str, more: dict[str, Any]) -> Charge:
        for number in count(1000 * n):
            key = idempotency_key(source, f"A-{number}", 1)
            if payer := self.payer(key, kind):
                method, customer = payer
                made = Charge(n, 1, key, 100 + n, "EUR", payment_method=method, customer=customer)
                return made._replace(**more)
        raise AssertionError

    def pay(self, charges: Sequence[Charge]) -> dict[str, Any]:
        """The outcomes of these charges by key."""
        return {one.charge.key: one for one in collect(self.gateway.charge(charges))}


def collect(answers: AsyncGenerator[Sequence[Any], None]) -> list[Any]:
    async def read() -> list[Any]:
        return [one async for group in answers for one in group]

    return asyncio.run(read())


def refunds_of(paid: Sequence[Paid], name: str, share: float = 1) -> list[Refund]:
    return [
        Refund(
            id=n,
            key=refund_key(f"{name}-{n}", 1),
            transaction_id=one.transaction_id,
            amount=round(one.charge.amount * share),
            currency=one.charge.currency,
            asked_before=False,
        )
        for n, one in enumerate(paid)
    ]


@contextmanager
def simulated(_folder: Path) -> Iterator[Shop]:
    gateway = SimulatedGateway(SEED, SUCCESS_RATE, 0, 0, refund_delay_min=0, refund_delay_max=0)
    yield Shop(gateway, by_key(gateway), keeps_charges=False)


@contextmanager
def http(folder: Path) -> Iterator[Shop]:
    deciding = SimulatedGateway(SEED, SUCCESS_RATE, 0, 0)
    server = GatewayServer(folder, [], 0.0, "", capture_success_rate=1, refund_success_rate=1)
    server.start()
    try:
        yield Shop(server.client(), by_key(deciding))
    finally:
        server.stop()


def stripe_at(url: str) -> StripeGateway:
    return StripeGateway(StripeAccount(stripe_server.TEST_KEY, url, TIMEOUT), "contract", connections=10)


def mollie_at(url: str) -> MollieGateway:
    return MollieGateway(MollieAccount(mollie_server.TEST_KEY, url, TIMEOUT), "contract", connections=10)


@contextmanager
def stripe(_folder: Path) -> Iterator[Shop]:
    with stripe_server.localstripe() as url:
        payers = stripe_server.make_payers(url)
        yield Shop(
            stripe_at(url),
            lambda _key, kind: (payers.methods[kind], payers.customers[kind]),
            decline_reason="card_declined",
            url=url,
            unknown="pi_1234567890abcd",
            at=stripe_at,
        )


@contextmanager
def mollie(_folder: Path) -> Iterator[Shop]:
    with mollie_server.mollie() as server:
        yield Shop(
            mollie_at(server.url),
            lambda _key, kind: ("", mollie_server.CUSTOMERS[kind]),
            decline_reason="insufficient_funds",
            url=server.url,
            unknown="tr_strange",
            at=mollie_at,
        )


def by_key(gateway: SimulatedGateway) -> Payer:
    """Keys decide the outcome, and whether it can be refunded."""

    def payer(key: str, kind: str) -> tuple[str, str] | None:
        is_paid = isinstance(gateway.outcome_of(Charge(0, 1, key, 1, "EUR")), Paid)
        return ("", "") if is_paid == (kind == GOOD) else None

    return payer


BACKENDS = {"simulated": simulated, "http": http, "stripe": stripe, "mollie": mollie}
