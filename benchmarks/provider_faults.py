"""Orders charged and refunded at Stripe's stand-in, through a proxy that spoils a share of the requests.

`python -m benchmarks.provider_faults 10000` imports this number of orders in rounds. A third of them cannot
be paid. Each round has its own store and localstripe, because localstripe searches all its data for each
charge that it lists. localstripe does not store idempotency keys. A step with unknown outcomes is tried
again. Each round compares the captures and refunds at the provider with the orders in the store, and runs all
checks of `orders verify`. Exits with 1 after the first round that disagrees.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import func, select

from orders_pipeline.base.model import PaymentStatus, RefundStatus
from orders_pipeline.payments.gateway import OutcomesOpenError
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import orders, payments, refunds
from tests.import_bench import HEADER, ImportBench
from tests.refund_bench import RefundBench, asked
from tests.servers.stripe_server import TEST_KEY, Payers, faulty, localstripe, make_payers
from tests.stores import open_test_engine

KINDS = ("good", "good", "declined", "good", "asks", "good")
MOST_TRIES = 100
OPEN_REFUNDS = (RefundStatus.PENDING, RefundStatus.PROCESSING)


@dataclass(slots=True)
class Total:
    """Sums of all rounds so far. All completed orders are also refunded."""

    charges: int = 0
    completed: int = 0
    tries: int = 0
    faults: Counter[str] = field(default_factory=Counter)


def main() -> None:
    """Runs all rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("orders", type=int)
    parser.add_argument("--round", type=int, default=500, help="orders of a round")
    parser.add_argument("--share", type=float, default=0.3, help="of the requests that are spoiled")
    parser.add_argument("--seed", type=int, default=0, help="of the first round's faults")
    given = parser.parse_args()
    began, total = time.monotonic(), Total()
    for seed, start in enumerate(range(0, given.orders, given.round), given.seed):
        wrong = _round(min(given.round, given.orders - start), given.share, seed, total)
        sys.stdout.write(f"{time.monotonic() - began:6.0f} s  {total}\n")
        sys.stdout.flush()
        if wrong:
            sys.exit(f"seed {seed}: {wrong}")


def _round(count: int, share: float, seed: int, total: Total) -> str:
    """Differences found after one round; empty if there are none."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        url = stack.enter_context(localstripe())
        payers = make_payers(url)
        proxy = stack.enter_context(faulty(url, share, seed))
        bench = ImportBench.at(open_test_engine(f"sqlite:///{folder / 'orders.db'}"), folder)
        stack.callback(bench.engine.dispose)
        bench.set(stripe_key=TEST_KEY, stripe_url=proxy.url)
        total.tries += _import(bench, _file(folder, payers, count))
        completed = [number for number, status in bench.statuses().items() if status == "completed"]
        total.tries += _refund(bench, completed)
        bench.set(stripe_url=url)
        wrong = _disagreements(bench, completed)
    total.charges += count
    total.completed += len(completed)
    total.faults += proxy.injected
    return "; ".join(wrong)


def _file(folder: Path, payers: Payers, count: int) -> Path:
    lines = [f"{HEADER},payment_method,customer_ref"]
    for n in range(count):
        kind = KINDS[n % len(KINDS)]
        payer = f"{payers.methods[kind]},{payers.customers[kind]}"
        lines.append(f"s{n},c{n},Ada,MOUSE,Mouse,1,{10 + n % 90}.50,USD,2025-11-10 10:00:00,{payer}")
    file = folder / "orders.csv"
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return file


def _import(bench: ImportBench, file: Path) -> int:
    """Settles all orders; how often charging was tried."""
    key, tries = bench.stage(file), 0
    for number in bench.steps.parse(key, "run"):
        bench.up_to("reserve", key, number)
        tries += _charge(bench, key, number)
        bench.step("finalize", key, number)
        bench.step("roll_back", key, number)
    bench.steps.finish(key)
    return tries


def _charge(bench: ImportBench, key: str, number: int) -> int:
    for tried in range(1, MOST_TRIES):
        try:
            bench.step("charge", key, number)
        except OutcomesOpenError:
            continue
        return tried
    raise AssertionError("outcomes of charges stay unknown")


def _refund(bench: ImportBench, numbers: Iterable[str]) -> int:
    """Refunds these orders, every third one in two parts; how often settling was tried."""
    money = RefundBench(bench)
    for n, number in enumerate(numbers):
        if n % 3 == 0:
            money.request(asked(number, amount="3.00"))
        money.request(asked(number))
    for tried in range(1, MOST_TRIES):
        money.settle()
        if not any(money.statuses()[status] for status in OPEN_REFUNDS):
            return tried
    raise AssertionError("outcomes of refunds stay unknown")


def _disagreements(bench: ImportBench, completed: list[str]) -> list[str]:
    """Differences between provider and store, and failed checks."""
    entries = [one for page in bench.gateway.journal() or () for one in page]
    captured = Counter(one.transaction_id for one in entries if one.status is PaymentStatus.SUCCEEDED)
    returned = Counter[str]()
    for page in bench.gateway.refund_journal() or ():
        for one in page:
            returned[one.charge] += one.amount
    with reading(bench.engine) as connection:
        paid = select(payments.c.transaction_id, payments.c.amount).join(
            orders, orders.c.id == payments.c.order_id
        )
        expected = dict(connection.execute(paid.where(orders.c.status == "completed")).all())
        unfinished = connection.execute(
            select(func.count()).select_from(refunds).where(refunds.c.status != RefundStatus.COMPLETED)
        ).scalar_one()
    found = {
        "captures differ from completed orders": captured != Counter(dict.fromkeys(expected, 1)),
        "an order is missing": len(expected) != len(completed),
        "refunds differ from what was captured": returned != Counter(expected),
        f"{unfinished} refunds are not completed": bool(unfinished),
    }
    wrong = [what for what, is_so in found.items() if is_so]
    return wrong + sorted(bench.broken_checks())


if __name__ == "__main__":
    main()
