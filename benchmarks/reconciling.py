"""The time of a reconciliation, and whether it finds what is wrong, no more and no less.

`python -m benchmarks.reconciling 100000` generates this number of payments with refunds and disputes, and a
report and bank statements with missing, duplicate, late and wrong lines. It imports them into a temporary
store, and compares the findings of a reconciliation with the generated errors. With `--postgres`, the store
is on a separate server.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from benchmarks.made_up_payouts import Expected, make_up
from orders_pipeline.base.amounts.money import decimal_string
from orders_pipeline.payouts.importing import import_file
from orders_pipeline.payouts.periods import Period
from orders_pipeline.payouts.reading import read_file
from orders_pipeline.payouts.reconciling import Reconciliation, reconcile
from orders_pipeline.store.engine import reading
from orders_pipeline.store.migrate import ensure_current
from tests.services import running_postgres
from tests.stores import create_migrated_database, open_test_engine

ALL = Period(None, None, UTC, 7)


def main() -> None:
    """Measures one reconciliation; exits with 1 if it is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("payments", type=int)
    parser.add_argument("--seed", type=int, default=18)
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        engine = open_test_engine(_url(stack, folder, postgres=given.postgres))
        ensure_current(engine)
        wrong = _run(engine, folder, given.payments, given.seed)
        engine.dispose()
    sys.exit(wrong)


def _url(stack: ExitStack, folder: Path, *, postgres: bool) -> str:
    if not postgres:
        return f"sqlite:///{folder / 'orders.db'}"
    return create_migrated_database(stack.enter_context(running_postgres()), "reconciling")


def _run(engine: Engine, folder: Path, payments: int, seed: int) -> bool:
    with engine.begin() as connection:
        made = make_up(connection, folder, payments, seed)
    with _timed("import of the report and the statements"):
        for file in (made.report, *made.statements):
            import_file(engine, read_file(file, UTC, None), "benchmark")
    with _timed("reconciliation"), reading(engine) as connection:
        found = reconcile(connection, ALL)
    _print(found)
    wrong = _is_wrong(found, made.expected)
    sys.stdout.write("WRONG\n" if wrong else "each one as made up, and no other\n")
    return wrong


@contextmanager
def _timed(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    sys.stdout.write(f"{what}: {time.monotonic() - began:.1f} s\n")


def _print(found: Reconciliation) -> None:
    for one in found.findings:
        amount = decimal_string(one.theirs - one.ours, one.currency)
        sys.stdout.write(f"{one.subject} {one.state} {one.number:,}, difference {amount} {one.currency}\n")
    for currency, left in found.differences.items():
        sys.stdout.write(f"not explained: {decimal_string(left, currency)} {currency}\n")


def _is_wrong(found: Reconciliation, expected: Expected) -> bool:
    numbers = {(one.subject, one.state, one.currency): one.number for one in found.findings}
    differences = {(one.subject, one.state, one.currency): one.theirs - one.ours for one in found.findings}
    agrees = (numbers, differences) == (dict(expected.numbers), dict(expected.differences))
    return not agrees or any(found.differences.values())


if __name__ == "__main__":
    main()
