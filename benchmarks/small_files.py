"""How long many small files take that arrive in the inbox at once, together with one larger file.

`python -m benchmarks.small_files 500` starts a separate stack in a temporary home, and prints a table.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import Engine, func, select

from benchmarks.homes import Home, fresh_home
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import imports, kpi_days
from tests.import_bench import many_orders, write_orders
from tests.services import free_port

ORDERS_A_FILE, LARGER_ORDERS = 10, 5_000
LOOK_SECONDS, GIVE_UP_SECONDS = 1.0, 3 * 3600


@dataclass(slots=True)
class Measured:
    """Seconds since the files were dropped; 0 until it has happened."""

    staged: float = 0.0
    settled: float = 0.0
    larger_settled: float = 0.0
    figures_late: float = 0.0
    cpu: float = 0.0


@dataclass(frozen=True, slots=True)
class Look:
    """The store at one moment: staged and finished small files, the larger one, and how late figures are."""

    staged: int
    finished: int
    larger_finished: bool
    figures_late: float


def drop(home: Home, files: int) -> None:
    """Moves all files into the inbox at once."""
    inbox, aside = home.folder / "inbox", home.folder / "to-drop"
    aside.mkdir()
    for number in range(files):
        write_orders(aside / f"small-{number}.csv", many_orders(ORDERS_A_FILE, f"s{number}-"))
    write_orders(aside / "larger.csv", many_orders(LARGER_ORDERS, "larger-"))
    inbox.mkdir(exist_ok=True)
    for file in sorted(aside.iterdir()):
        file.rename(inbox / file.name)


def look(engine: Engine) -> Look:
    """Reads the store."""
    finished = imports.c.status == ImportStatus.FINISHED
    larger = imports.c.file_name == "larger.csv"
    counts = select(
        func.count().filter(~larger),
        func.count().filter(~larger & finished),
        func.count().filter(larger & finished),
    )
    due = select(func.min(kpi_days.c.due_since)).where(kpi_days.c.published < kpi_days.c.version)
    with reading(engine) as connection:
        small, done, larger_done = connection.execute(counts.select_from(imports)).one()
        due_since = connection.execute(due).scalar()
    late = (now_us() - due_since) / 1_000_000 if due_since else 0.0
    return Look(small, done, bool(larger_done), late)


def cpu_seconds(home: Home) -> float:
    """CPU time of all processes of a home, with that of their children that have ended."""
    total = 0.0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("ORDERS_HOME") == str(home.folder):
                total += sum(process.cpu_times()[:4])
    return total


def measure(home: Home, files: int) -> Measured:
    """Drops the files and waits until all are settled and published."""
    engine = open_engine(f"sqlite:///{home.folder / 'orders.db'}")
    before, measured = cpu_seconds(home), Measured()
    drop(home, files)
    began = time.monotonic()
    while (passed := time.monotonic() - began) < GIVE_UP_SECONDS:
        seen = look(engine)
        measured.staged = measured.staged or passed * (seen.staged == files)
        measured.settled = measured.settled or passed * (seen.finished == files)
        measured.larger_settled = measured.larger_settled or passed * seen.larger_finished
        measured.figures_late = max(measured.figures_late, seen.figures_late)
        if measured.settled and measured.larger_settled and not seen.figures_late:
            break
        time.sleep(LOOK_SECONDS)
    measured.cpu = cpu_seconds(home) - before
    engine.dispose()
    return measured


@contextmanager
def running_home(**settings: str) -> Iterator[Home]:
    """A stack on a temporary home."""
    root = Path(tempfile.mkdtemp(prefix="small-files-"))
    ports = {f"ORDERS_{name}_PORT": str(free_port()) for name in ("API", "WEBSERVER")}
    home = fresh_home(root, **ports, **settings)
    try:
        home.orders("up")
        yield home
    finally:
        home.orders("down")
        shutil.rmtree(root, ignore_errors=True)


def main() -> None:
    """Measures with as many files as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=int)
    parser.add_argument(
        "--delay", type=float, default=0.0, help="seconds that the gateway takes for a charge"
    )
    options = parser.parse_args()
    delay = dict.fromkeys(("ORDERS_PAYMENT_DELAY_MIN", "ORDERS_PAYMENT_DELAY_MAX"), str(options.delay))
    with running_home(**delay) as home:
        measured = measure(home, options.files)
        verified = home.orders("verify")["ok"]
    sys.stdout.write(
        f"{options.files} files of {ORDERS_A_FILE} orders, one of {LARGER_ORDERS}, delay {options.delay} s\n"
        f"staged after            {measured.staged:8.1f} s\n"
        f"settled after           {measured.settled:8.1f} s\n"
        f"larger file settled     {measured.larger_settled:8.1f} s\n"
        f"figures late, at most   {measured.figures_late:8.1f} s\n"
        f"CPU of all processes    {1000 * measured.cpu / options.files:8.1f} ms a file\n"
        f"verify                  {'ok' if verified else 'FAILED'}\n"
    )


if __name__ == "__main__":
    main()
