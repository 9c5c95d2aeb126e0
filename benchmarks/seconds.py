"""How soon orders are settled and published under `orders up`: by command, by the inbox and by HTTP.

`python -m benchmarks.seconds --times 20 --files 1000` starts a stack of its own in a temporary home, whose
gateway answers at once. It prints the time of the first import, waits for the first ticks of the sensors, and
then prints p50 and p99 in seconds, with the machine's load at the start.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median

import httpx
from sqlalchemy import Engine, func, select

from benchmarks.homes import Home
from benchmarks.small_files import running_home
from orders_pipeline.api.callers.access import api_key
from orders_pipeline.base.launch_socket import LaunchSocket
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import imports, kpi_days
from tests.import_bench import many_orders, write_orders

LOOK_SECONDS, GIVE_UP_SECONDS = 0.01, 3600.0
ORDERS_A_FILE = 10
# A new stack checks its store, and each sensor has its first tick.
SETTLING_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of each repetition."""

    what: str
    aim: str
    seconds: list[float]

    @property
    def p50(self) -> float:
        """The median."""
        return median(self.seconds)

    @property
    def p99(self) -> float:
        """The smallest that 99 % do not exceed; the largest, of fewer than a hundred."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, -(-len(ordered) * 99 // 100) - 1)]


@dataclass(slots=True)
class Stack:
    """A running home, to which new files are given one after the other."""

    home: Home
    engine: Engine
    numbers: Iterator[int] = field(default_factory=count)

    def file(self, orders: int = ORDERS_A_FILE) -> Path:
        """A new file outside the inbox."""
        number = next(self.numbers)
        folder = self.home.folder / "to-send"
        folder.mkdir(exist_ok=True)
        return write_orders(folder / f"file{number}.csv", many_orders(orders, f"f{number}-"))

    def wait(self, files: int = 1) -> None:
        """Waits until so many more files than before are finished, and all figures are published."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while not self._is_done(files):
            if time.monotonic() > deadline:
                raise TimeoutError("the files are not finished")
            time.sleep(LOOK_SECONDS)

    def finished(self) -> int:
        """How many files are finished."""
        query = select(func.count()).where(imports.c.status == ImportStatus.FINISHED)
        with reading(self.engine) as connection:
            return int(connection.execute(query).scalar_one())

    def _is_done(self, files: int) -> bool:
        due = select(func.count()).where(kpi_days.c.published < kpi_days.c.version)
        with reading(self.engine) as connection:
            return self.finished() >= files and not connection.execute(due).scalar_one()

    def by_command(self) -> tuple[float, float]:
        """Seconds to the last order settled, and of the whole command."""
        file, began = self.file(), time.perf_counter()
        settled = float(self.home.orders("import", str(file))["seconds"])
        return settled, time.perf_counter() - began

    def by_inbox(self, files: int = 1) -> float:
        """Seconds from the moment at which files are moved into the inbox."""
        made = [self.file() for _ in range(files)]
        wanted, began = self.finished() + files, time.perf_counter()
        for one in made:
            one.rename(self.home.folder / "inbox" / one.name)
        self.wait(wanted)
        return time.perf_counter() - began

    def by_http(self, orders: int = ORDERS_A_FILE) -> float:
        """Seconds from the beginning of the request."""
        file, wanted = self.file(orders), self.finished() + 1
        address = f"http://127.0.0.1:{self.home.settings['ORDERS_API_PORT']}/api/files"
        headers = {"Authorization": f"Bearer {api_key('', self.home.folder)}"}
        began = time.perf_counter()
        answer = httpx.post(
            address, params={"name": file.name}, content=file.read_bytes(), headers=headers, timeout=60
        )
        answer.raise_for_status()
        self.wait(wanted)
        return time.perf_counter() - began


def measure(times: int, files: int) -> Iterator[Measured]:
    """Starts a stack, and measures each way with so many repetitions."""
    with running_home(ORDERS_RATE_LIMIT="0") as home:
        engine = open_engine(f"sqlite:///{home.folder / 'orders.db'}")
        stack, launcher = Stack(home, engine), LaunchSocket(home.folder / "run")
        while not launcher.is_there():
            time.sleep(LOOK_SECONDS)
        first, _ = stack.by_command()
        yield Measured("ten orders by command, first of the stack", "-", [first])
        time.sleep(SETTLING_SECONDS)
        # Each process of the workers loads what is left at its first step.
        for _ in range(4):
            stack.by_command()
        both = [stack.by_command() for _ in range(times)]
        yield Measured("ten orders by command, settled", "1.5 (bar 2)", [one for one, _ in both])
        yield Measured("ten orders by command, whole command", "2 (bar 3)", [one for _, one in both])
        yield Measured("ten orders by the inbox", "3 (bar 5)", _repeat(stack.by_inbox, times))
        yield Measured("ten orders by HTTP", "-", _repeat(stack.by_http, times))
        yield Measured("one order by HTTP", "-", _repeat(lambda: stack.by_http(1), times))
        if files:
            yield Measured(f"{files:,} files of ten at once", "-", [stack.by_inbox(files)])
        engine.dispose()


def _repeat(once: Callable[[], float], times: int) -> list[float]:
    return [once() for _ in range(times)]


def main() -> None:
    """Prints a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--files", type=int, default=1000, help="0: without many files at once")
    given = parser.parse_args()
    sys.stdout.write(f"load {os.getloadavg()[0]:.1f}, {given.times} times each; seconds\n")
    for one in measure(given.times, given.files):
        sys.stdout.write(f"{one.what:<42} p50 {one.p50:7.2f}  p99 {one.p99:7.2f}  aim {one.aim}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
