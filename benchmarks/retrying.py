"""How long `orders retry --all` takes over many small imports, and how much CPU time all processes use.

`python -m benchmarks.retrying 300` prepares a temporary home with files whose orders all failed because stock
ran out, restocks it, and retries all orders; with `--up`, while `orders up` runs.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.homes import NO_DELAY, Home
from benchmarks.small_files import ORDERS_A_FILE
from orders_pipeline.imports.small_files import SmallFiles
from orders_pipeline.stock.product_list import restock
from orders_pipeline.store.engine import open_engine
from tests.import_bench import RUN, ImportBench, many_orders, write_orders
from tests.services import free_port

PR_SET_CHILD_SUBREAPER = 36
SKU = "MOUSE"


@dataclass(frozen=True, slots=True)
class Measured:
    """What the retry took: seconds on the clock, and CPU seconds of all processes that it started."""

    seconds: float
    cpu: float
    imports: int


def prepare(root: Path, files: int) -> Home:
    """A home with so many finished imports, all of whose orders ran out of stock, and with new stock."""
    engine = open_engine(f"sqlite:///{root / 'home' / 'orders.db'}")
    bench = ImportBench.at(engine, root)
    bench.stock(**{SKU: 0})
    lines = [many_orders(ORDERS_A_FILE, f"f{number}-") for number in range(files)]
    keys = [bench.stage(write_orders(root / f"f{at}.csv", lines[at])) for at in range(files)]
    files = SmallFiles(bench.steps, RUN, bench.gateway)
    for _ in files.import_all(keys):
        pass
    with engine.begin() as connection:
        restock(connection, SKU, files * ORDERS_A_FILE)
    engine.dispose()
    ports = {f"ORDERS_{name}_PORT": str(free_port()) for name in ("API", "WEBSERVER")}
    seed = {"ORDERS_PAYMENT_SEED": str(bench.settings.payment_seed), "ORDERS_PAYMENT_SUCCESS_RATE": "1"}
    return Home(root / "home", NO_DELAY | ports | seed)


def retry_all(home: Home, *, up: bool) -> Measured:
    """Retries all orders. With `up`, the idle time of a running stack counts too, but not its start."""
    if up:
        home.orders("up")
    before, began = _cpu(), time.monotonic()
    imports = home.orders("retry", "--all")["imports"]
    seconds = time.monotonic() - began
    if up:
        # The CPU time of a process is known only after it has ended.
        home.orders("down")
    _reap()
    return Measured(seconds, _cpu() - before, len(imports))


def _adopt_daemons() -> None:
    """Makes this process the parent of what its children leave behind, to learn their CPU time."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def _reap() -> None:
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measures with as many files as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=int)
    parser.add_argument("--up", action="store_true", help="while `orders up` runs")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="retrying-"))
    _adopt_daemons()
    try:
        home = prepare(root, options.files)
        measured = retry_all(home, up=options.up)
        verified = home.orders("verify")["ok"]
    finally:
        shutil.rmtree(root, ignore_errors=True)
    sys.stdout.write(
        f"{measured.imports} imports of {ORDERS_A_FILE} orders, "
        f"{'under `orders up`' if options.up else 'by the command alone'}\n"
        f"settled after           {measured.seconds:8.1f} s\n"
        f"CPU of all processes    {measured.cpu:8.1f} s, with the start of the stack under `orders up`\n"
        f"verify                  {'ok' if verified else 'FAILED'}\n"
    )


if __name__ == "__main__":
    main()
