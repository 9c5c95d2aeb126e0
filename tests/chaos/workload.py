"""Seeded order files, and their results without disturbances."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import Charge, Paid, idempotency_key
from orders_pipeline.store.engine import open_engine
from tests.import_bench import ImportBench, Line, write_orders

SUCCESS_RATE = 0.85
CAPTURE_SUCCESS_RATE = 0.9
REFUND_SUCCESS_RATE = 0.8
REFUND_LIMIT = Decimal(300)
PAYMENT_SEED = "chaos"
SCARCE_UNITS = 20
PRODUCTS = 12


def order_file(folder: Path, seed: int, number: int, orders: int) -> Path:
    """An order file with orders of its own, several lines each, and a few bad lines and guest orders."""
    draw = random.Random(f"{seed}/{number}")  # noqa: S311 no secret
    lines = [line for order in range(orders) for line in _order(draw, f"f{number}-{order}")]
    return write_orders(folder / f"orders-{seed}-{number}.csv", lines)


def _order(draw: random.Random, number: str) -> Iterator[Line]:
    customer = draw.choice(["", *(f"c{at}" for at in range(40))])
    date = f"2025-11-{draw.randrange(1, 29):02} {draw.randrange(24):02}:00:00"
    for _ in range(draw.randrange(1, 4)):
        yield Line(
            number,
            f"SKU-{draw.randrange(PRODUCTS)}",
            quantity=0 if draw.random() < 0.005 else draw.randrange(1, 5),
            price=f"{draw.randrange(1, 9000) / 100:.2f}",
            customer=customer,
            name=f"Name of {customer}" if customer else "",
            date=date,
            product="Thing",
        )


def scarce_file(folder: Path, seed: int, orders: int) -> Path:
    """Many orders for the last units of one product; the gateway would accept all of them."""
    numbers = (f"scarce-{at}" for at in range(100 * orders))
    paid = [number for number in numbers if will_be_paid(number)][:orders]
    return write_orders(folder / f"scarce-{seed}.csv", [Line(number, "SCARCE") for number in paid])


def will_be_paid(number: str, attempt: int = 1) -> bool:
    """Whether the gateway accepts the payment of an attempt of an order."""
    gateway = SimulatedGateway(PAYMENT_SEED, SUCCESS_RATE, 0, 0)
    charge = Charge(0, attempt, idempotency_key("default", number, attempt), 1000, "USD")
    return isinstance(gateway.outcome_of(charge), Paid)


def stock_up(bench: ImportBench) -> None:
    """Products with enough stock for all orders, and one without."""
    bench.stock(**{f"SKU-{at}": 1_000_000_000 for at in range(PRODUCTS)}, SCARCE=SCARCE_UNITS)


@contextmanager
def undisturbed(folder: Path) -> Iterator[ImportBench]:
    """A home in this process, on SQLite, with immediate payments."""
    engine = open_engine(f"sqlite:///{folder / 'undisturbed.db'}")
    bench = ImportBench.at(engine, folder / "undisturbed")
    bench.set(payment_seed=PAYMENT_SEED, payment_success_rate=SUCCESS_RATE)
    bench.set(capture_success_rate=CAPTURE_SUCCESS_RATE, refund_limit=REFUND_LIMIT)
    stock_up(bench)
    try:
        yield bench
    finally:
        engine.dispose()
