"""What it costs to check a store of ten years, and to publish one of its days.

`python -m benchmarks.ten_years FOLDER --orders 1000000` fills a home with single-line orders in some minutes,
unless FOLDER has one, and prints one JSON document. On a busy machine, processor seconds are more reliable
than elapsed seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.generate import Shape, write_orders
from benchmarks.homes import NO_DELAY, ORDERS, Home
from orders_pipeline.base.settings import PROJECT_ROOT

FIRST_DAY, DAYS, ONE_DAY = date(2016, 1, 1), 3650, "2020-05-05"


def fill(home: Home, orders: int) -> None:
    """Imports so many orders, spread over all days, and publishes their figures."""
    home.folder.mkdir(parents=True, exist_ok=True)
    shape = Shape(orders, first_day=FIRST_DAY, days=DAYS)
    home.python("benchmarks.floor", str(write_orders(home.folder.parent / f"{orders}.csv", shape)))
    used(home, ORDERS, "kpis", "rebuild")


def used(home: Home, *command: str) -> dict[str, float]:
    """Seconds of a command, of wall clock and of processors, and the memory of its process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env=home.environment, cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL)  # noqa: S603
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} failed")
    return {
        "wall": time.perf_counter() - began,
        "processor": usage.ru_utime + usage.ru_stime,
        "memory_mb": usage.ru_maxrss / 1024,
    }


def measure(home: Home) -> dict[str, Any]:
    """`orders verify` of everything, and the materialization of one day with its checks."""
    home.orders("up", "--only", "redis")
    try:
        return {"verify": used(home, ORDERS, "verify"), "one_day": home.python("benchmarks.one_day", ONE_DAY)}
    finally:
        home.orders("down")


def main() -> None:
    """Fills the home if it is new, and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--orders", type=int, default=1_000_000)
    given = parser.parse_args()
    home = Home(given.folder.absolute(), dict(NO_DELAY))
    if not (home.folder / "orders.db").exists():
        fill(home, given.orders)
    sys.stdout.write(json.dumps(measure(home), indent=2) + "\n")


if __name__ == "__main__":
    main()
