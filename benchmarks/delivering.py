"""Events of an import, delivered to a receiver in Node that is killed, stopped, slowed and restarted.

`python -m benchmarks.delivering 100000` imports so many orders into a temporary store with a subscription,
while the program `events` delivers, and compares what the receiver got with the store: none lost, duplicates
with the same webhook-id, the events of each order in order. With `--captures`, each order has two events: its
payment is authorized and then captured. `--pairs 3` compares the time of the import with and without a
subscription instead, with a receiver that nobody disturbs. The receiver stands for another machine, so it has
the lowest priority (nice 19) and takes only processor time that nobody else wants. Needs Node and npm.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from threading import Event, Thread

from sqlalchemy import Engine, func, select, update

from benchmarks.generate import Shape, write_orders
from benchmarks.refunding import Clock, capture_orders
from orders_pipeline.base.model import EventType
from orders_pipeline.base.settings import PROJECT_ROOT, PaymentCapture
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import deliveries, events, orders, webhook_endpoints
from tests.import_bench import ImportBench
from tests.integration.events.test_webhook_program import with_package
from tests.services import free_port, running_postgres
from tests.stores import create_migrated_database
from tests.webhooks import add

LOOK_SECONDS, STALLED_SECONDS = 1.0, 25.0
TYPES = (EventType.ORDER_COMPLETED, EventType.ORDER_AUTHORIZED, EventType.ORDER_FAILED)
WANTED = (*TYPES, EventType.ORDER_ROLLED_BACK)


@dataclass
class Receiver:
    """The receiver in Node, which can be killed and started again."""

    folder: Path
    port: int
    mode: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def lines(self) -> Path:
        """What it got."""
        return self.folder / "lines.tsv"

    def start(self) -> None:
        """Starts it; its lines are kept."""
        script = self.folder / "receiver.mjs"
        copyfile(Path(__file__).with_name("webhook_receiver.mjs"), script)
        command = [
            "nice",
            "-n19",
            "node",
            str(script),
            str(self.port),
            str(self.folder / "secret"),
            str(self.lines),
            self.mode,
        ]
        self.process = subprocess.Popen(command, cwd=self.folder, stderr=subprocess.DEVNULL)  # noqa: S603

    def kill(self) -> None:
        """As a power cut would end it."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def send(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        if self.process:
            self.process.send_signal(number)


@dataclass
class Faults:
    """What is done to the receiver, a fault every few seconds until it is enough."""

    receiver: Receiver
    enough: Event
    seed: int
    done: int = 0

    def run(self) -> None:
        """Disturbs the receiver; leaves it running."""
        draw = random.Random(self.seed)  # noqa: S311 not for secrets
        while not self.enough.wait(draw.uniform(1, 5)):
            draw.choice((self._restart, self._restart, self._hang, self._slow))(draw.uniform(0, 6))
            self.done += 1

    def _restart(self, seconds: float) -> None:
        self.receiver.kill()
        time.sleep(seconds)
        self.receiver.start()

    def _hang(self, seconds: float) -> None:
        self.receiver.send(signal.SIGSTOP)
        # Longer than a request may take, now and then.
        time.sleep(seconds * 3)
        self.receiver.send(signal.SIGCONT)

    def _slow(self, seconds: float) -> None:
        self.receiver.send(signal.SIGUSR2)
        time.sleep(seconds)
        self.receiver.send(signal.SIGUSR2)


@contextmanager
def _disturbed(receiver: Receiver, seed: int) -> Iterator[Faults]:
    enough = Event()
    faults = Faults(receiver, enough, seed)
    thread = Thread(target=faults.run)
    thread.start()
    try:
        yield faults
    finally:
        enough.set()
        thread.join()


@contextmanager
def _delivering(bench: ImportBench) -> Iterator[subprocess.Popen[bytes]]:
    """The program `events` of a home."""
    variables = {
        "ORDERS_HOME": str(bench.settings.home),
        "ORDERS_DATABASE_URL": bench.engine.url.render_as_string(hide_password=False),
        "ORDERS_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    log = (bench.folder / "events.log").open("wb")
    with (
        log,
        subprocess.Popen(
            [sys.executable, "-m", "cli.events"],
            cwd=PROJECT_ROOT,
            env=os.environ | variables,
            stderr=log,
            stdout=log,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def _bench(root: Path, postgres: str) -> Iterator[ImportBench]:
    """A new store that waits for the disk as any other does."""
    folder = root / f"home-{time.monotonic_ns()}"
    folder.mkdir()
    url = f"sqlite:///{folder / 'orders.db'}"
    if postgres:
        url = create_migrated_database(postgres, folder.name.replace("-", "_"))
    engine = open_engine(url)
    yield ImportBench.at(engine, folder)
    engine.dispose()


@contextmanager
def _receiving(root: Path, bench: ImportBench, mode: str, batch_size: int) -> Iterator[Receiver]:
    receiver = Receiver(root, free_port(), mode)
    receiver.lines.unlink(missing_ok=True)
    _, secret = add(bench.engine, receiver.url, *WANTED, batch_size=batch_size)
    (root / "secret").write_text(secret)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.kill()


def _left(engine: Engine) -> int:
    """How many events or deliveries are not settled."""
    unspread = select(func.count()).where(events.c.spread_at.is_(None))
    waiting = select(func.count()).where(deliveries.c.settled_at.is_(None))
    with reading(engine) as connection:
        return connection.execute(unspread).scalar_one() + connection.execute(waiting).scalar_one()


def _wait(engine: Engine, stalled_seconds: float) -> None:
    """Waits until all is settled, or nothing has been for so long."""
    left, since = _left(engine), time.monotonic()
    while left and time.monotonic() < since + stalled_seconds:
        time.sleep(LOOK_SECONDS)
        if (now := _left(engine)) < left:
            left, since = now, time.monotonic()


def _let_time_pass(engine: Engine) -> None:
    """Makes all deliveries due that wait for minutes or hours after several failures."""
    waiting = deliveries.c.settled_at.is_(None), deliveries.c.message.is_not(None)
    with engine.begin() as connection:
        connection.execute(update(deliveries).where(*waiting).values(next_try_at=0))
        connection.execute(update(webhook_endpoints).values(paused_until=None))


def _wrong(engine: Engine, lines: Path) -> Iterator[str]:
    """The differences between what the receiver got and what the store says."""
    requests: dict[str, str] = {}
    newest: dict[str, str] = {}
    repeated = 0
    with lines.open() as got:
        for line in got:
            webhook_id, event, subject, sequence = line.rstrip("\n").split("\t")
            repeated += event in requests
            if requests.setdefault(event, webhook_id) != webhook_id:
                yield f"event {event} came as {requests[event]} and as {webhook_id}"
            if newest.get(subject, "") > sequence:
                yield f"event {event} of {subject} came after a later one"
            newest[subject] = sequence
    with reading(engine) as connection:
        recorded = {str(number) for number in connection.scalars(select(events.c.id))}
        failed = select(func.count()).where(deliveries.c.failed_at.is_not(None))
        given_up = connection.execute(failed).scalar_one()
        known = connection.execute(select(func.count()).select_from(orders)).scalar_one()
    sys.stdout.write(
        f"{known:,} orders, {len(recorded):,} events, {len(requests):,} came, of {len(newest):,} orders;"
        f" {repeated:,} came again\n"
    )
    if recorded != set(requests):
        yield f"{len(recorded - set(requests)):,} are lost, {len(set(requests) - recorded):,} nobody recorded"
    if given_up:
        yield f"{given_up:,} deliveries failed"


def deliver(root: Path, given: argparse.Namespace, postgres: str) -> bool:
    """Imports with a subscription and faults; returns whether every event came as it should."""
    file = write_orders(root / "orders.csv", Shape(given.orders))
    with ExitStack() as stack:
        bench = stack.enter_context(_bench(root, postgres))
        if given.captures:
            bench.set(payment_capture=PaymentCapture.LATER)
        receiver = stack.enter_context(_receiving(root, bench, "faults", given.batch))
        program = stack.enter_context(_delivering(bench))
        began = time.monotonic()
        with _disturbed(receiver, given.seed) as faults:
            bench.settle(bench.stage(file))
            if given.captures:
                capture_orders(bench, Clock(server=False))
            imported = time.monotonic() - began
            _wait(bench.engine, STALLED_SECONDS)
        while _left(bench.engine):
            _let_time_pass(bench.engine)
            _wait(bench.engine, STALLED_SECONDS)
        delivered = time.monotonic() - began
        wrong = list(_wrong(bench.engine, receiver.lines))
        sys.stdout.write(
            f"imported after {imported:.0f} s, delivered after {delivered:.0f} s, {faults.done} faults,"
            f" {_cpu(program.pid):.0f} s CPU of the program events\n"
        )
    sys.stdout.write("".join(f"WRONG: {one}\n" for one in wrong[:20]))
    return not wrong


def compare(root: Path, given: argparse.Namespace, postgres: str) -> None:
    """Imports in pairs, with and without a subscription."""
    file = write_orders(root / "orders.csv", Shape(given.orders))
    ratios = []
    for number in range(given.pairs):
        took = {}
        for subscribed in (False, True) if number % 2 else (True, False):
            with _bench(root, postgres) as bench, ExitStack() as stack:
                if subscribed:
                    stack.enter_context(_receiving(root, bench, "calm", given.batch))
                    program = stack.enter_context(_delivering(bench))
                cpu, began = time.process_time(), time.monotonic()
                bench.settle(bench.stage(file))
                took[subscribed] = time.process_time() - cpu, time.monotonic() - began
                if subscribed:
                    _wait(bench.engine, inf)
                    sys.stdout.write(
                        f"all delivered after {time.monotonic() - began:.1f} s,"
                        f" {_cpu(program.pid):.1f} s CPU of the program events\n"
                    )
        ratios.append([with_ / without for with_, without in zip(took[True], took[False], strict=True)])
        sys.stdout.write(
            f"with: {took[True][0]:.2f} s CPU {took[True][1]:.2f} s, without: {took[False][0]:.2f} s CPU"
            f" {took[False][1]:.2f} s, ratios {ratios[-1][0]:.3f} {ratios[-1][1]:.3f}\n"
        )
        sys.stdout.flush()


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Runs once; exits with 1 if an event did not come as it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("orders", type=int)
    parser.add_argument("--batch", type=int, default=100, help="most events of a request")
    parser.add_argument("--captures", action="store_true")
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the store is kept; else it is removed")
    given = parser.parse_args()
    with ExitStack() as stack:
        root = given.folder or stack.enter_context(TemporaryDirectory(prefix="delivering-"))
        postgres = stack.enter_context(running_postgres()) if given.postgres else ""
        folder = with_package(Path(root))
        if given.pairs:
            compare(folder, given, postgres)
            sys.exit(0)
        sys.exit(not deliver(folder, given, postgres))


if __name__ == "__main__":
    main()
