"""What an idle `orders up` costs: percent of one core, by program.

`python -m benchmarks.idle --minutes 5` starts a separate stack in a temporary home, imports ten orders, waits
two minutes, and measures the processor time of all its processes.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import suppress
from typing import Any

import psutil

from benchmarks.homes import Home
from benchmarks.small_files import running_home
from orders_pipeline.base.settings import PROJECT_ROOT

SETTLING_SECONDS = 120


def processor_seconds(home: Home) -> dict[str, float]:
    """Processor time of each program of a home, with the processes that it started."""
    programs: list[dict[str, Any]] = home.orders("status")["programs"]
    roots = {one["name"]: psutil.Process(one["pid"]) for one in programs if one["pid"]}
    return {name: sum(map(_seconds, [root, *root.children(recursive=True)])) for name, root in roots.items()}


def _seconds(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        return sum(process.cpu_times()[:4])
    return 0.0


def measure(home: Home, seconds: float) -> dict[str, float]:
    """Percent of one core, by program."""
    before, began = processor_seconds(home), time.monotonic()
    time.sleep(seconds)
    after, passed = processor_seconds(home), time.monotonic() - began
    return {name: 100 * (after[name] - before[name]) / passed for name in after}


def main() -> None:
    """Prints a line for each program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    given = parser.parse_args()
    with running_home() as home:
        home.orders("import", str(PROJECT_ROOT / "data" / "sample.csv"))
        time.sleep(SETTLING_SECONDS)
        shares = measure(home, given.minutes * 60)
    for name, share in sorted(shares.items(), key=lambda one: -one[1]):
        sys.stdout.write(f"{name:<16} {share:5.2f} %\n")
    sys.stdout.write(f"{'all':<16} {sum(shares.values()):5.2f} % of one core\n")


if __name__ == "__main__":
    main()
