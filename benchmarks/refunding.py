"""The time of refunds or captures, compared with that of their charges, without Dagster and Redis.

`python -m benchmarks.refunding 100000` imports this number of orders into a temporary store until they are
settled, and then settles a refund of each from a file of refunds; with `--captures`, it only authorizes the
orders and then captures them. Both include the reports of the commands, but not the publication of figures.
With `--postgres`, the store is on a separate server, whose CPU time is included.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import true

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.settings import PaymentCapture
from orders_pipeline.captures.request import request_captures
from orders_pipeline.captures.settle import CaptureWork
from orders_pipeline.refunds.listing import sums_of
from orders_pipeline.refunds.requests.asked import RefundAsked
from orders_pipeline.refunds.requests.request import Requested, request_refunds
from orders_pipeline.refunds.requests.request_file import read_requests
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.refunds.settle import RefundWork
from orders_pipeline.store.engine import reading
from tests.import_bench import RUN, ImportBench, many_orders, write_orders
from tests.refund_bench import ADA
from tests.services import running_postgres
from tests.stores import create_migrated_database, open_test_engine

TICKS = os.sysconf("SC_CLK_TCK")
SHOWN = 45


class Clock:
    """CPU seconds of this process and of the database server, and seconds on the clock, by step."""

    def __init__(self, server: bool) -> None:
        self._server = server
        self.took: dict[str, tuple[float, float]] = {}

    @contextmanager
    def timing(self, step: str) -> Iterator[None]:
        cpu, began = self._cpu(), time.monotonic()
        yield
        before = self.took.get(step, (0.0, 0.0))
        self.took[step] = (before[0] + self._cpu() - cpu, before[1] + time.monotonic() - began)

    def total(self, steps: Iterable[str]) -> tuple[float, float]:
        """CPU seconds and seconds on the clock of several steps."""
        cpu, seconds = zip(*(self.took[step] for step in steps), strict=True)
        return sum(cpu), sum(seconds)

    def _cpu(self) -> float:
        return time.process_time() + (_server_seconds() if self._server else 0.0)


BATCH = ("load", "reserve", "charge", "finalize", "roll_back")
CHARGE = ("stage", "parse", *BATCH, "summarize")
REFUND, CAPTURE = ("read", "request", "settle", "sum_up"), ("request", "settle")


def charge_orders(bench: ImportBench, orders: int, clock: Clock) -> None:
    """Takes so many orders of one line each to their end."""
    bench.stock(MOUSE=10 * orders)
    file = write_orders(bench.folder / "orders.csv", many_orders(orders))
    with clock.timing("stage"):
        key = bench.stage(file)
    with clock.timing("parse"):
        batches = bench.steps.parse(key, RUN)
    for number in batches:
        for step in BATCH:
            with clock.timing(step):
                bench.step(step, key, number)
    with clock.timing("summarize"):
        bench.steps.finish(key)


def refund_orders(bench: ImportBench, orders: int, clock: Clock) -> None:
    """Refunds so many orders, each the whole of its 10.00, as a file of refunds asks for it."""
    file = bench.folder / "refunds.csv"
    rows = "\n".join(f"n{number},1,,late" for number in range(orders))
    file.write_text(f"order,line,quantity,reason\n{rows}\n")
    with clock.timing("read"):
        asked = [row.asked for row in read_requests(file, RefundAsked(order=""), None)]
    terms = RefundTerms.of(bench.settings)
    with clock.timing("request"):
        wanted = [one for one in asked if isinstance(one, RefundAsked)]
        answers = request_refunds(bench.engine, wanted, terms, ADA)
    with clock.timing("settle"):
        RefundWork.of(bench.settings, bench.engine, bench.gateway).settle(true())
    with clock.timing("sum_up"), reading(bench.engine) as connection:
        sums_of(connection, [one.id for one in answers if isinstance(one, Requested)])


def capture_orders(bench: ImportBench, clock: Clock) -> None:
    """Captures all authorized orders."""
    with clock.timing("request"):
        request_captures(bench.engine, true(), {"all": True}, ADA)
    with clock.timing("settle"):
        CaptureWork.of(bench.settings, bench.engine, bench.gateway).settle(true())


def _server_seconds() -> float:
    """CPU time of all PostgreSQL processes that this one started, and of those that they started."""
    parents, used = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, fields = stat.read_text().rpartition(")")
        except OSError:
            continue
        if "postgres" in name:
            values = fields.split()
            pid = int(stat.parent.name)
            parents[pid], used[pid] = int(values[1]), sum(map(int, values[11:15]))
    own = {pid for pid, parent in parents.items() if parent == os.getpid()}
    return sum(used[pid] for pid in used if pid in own or parents[pid] in own) / TICKS


def main() -> None:
    """Measures with as many orders as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("orders", type=int)
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL instead of SQLite")
    parser.add_argument(
        "--profile", action="store_true", help="list the functions that take the time after the charges"
    )
    parser.add_argument("--captures", action="store_true", help="authorize and capture, instead of refunds")
    options = parser.parse_args()
    clock, profile = Clock(options.postgres), cProfile.Profile()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="refunding-")))
        url = f"sqlite:///{folder / 'orders.db'}"
        if options.postgres:
            server = stack.enter_context(running_postgres())
            url = create_migrated_database(server, f"refunds_{now_us()}")
        engine = open_test_engine(url)
        stack.callback(engine.dispose)
        bench = ImportBench.at(engine, folder)
        if options.captures:
            bench.set(payment_capture=PaymentCapture.LATER)
        charge_orders(bench, options.orders, clock)
        with profile if options.profile else nullcontext():
            if options.captures:
                capture_orders(bench, clock)
            else:
                refund_orders(bench, options.orders, clock)
    _show(clock, "capture" if options.captures else "refund", CAPTURE if options.captures else REFUND)
    if options.profile:
        pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(SHOWN)


def _show(clock: Clock, name: str, steps: Sequence[str]) -> None:
    paths = {"charge": clock.total(CHARGE), name: clock.total(steps)}
    for step, (cpu, seconds) in (*clock.took.items(), *((f"= {path}", took) for path, took in paths.items())):
        sys.stdout.write(f"{step:12}{cpu:8.2f} s CPU {seconds:8.2f} s\n")
    sys.stdout.write(f"{name} / charge: {paths[name][0] / paths['charge'][0]:.2f} of the CPU time\n")


if __name__ == "__main__":
    main()
