"""KPIs: a year in one go over all orders of a home, and one more day.

`python -m benchmarks.kpis` measures on the home in the environment and prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

from benchmarks.generate import DAYS, FIRST_DAY
from benchmarks.homes import Home
from cli.figures import open_figures_of
from cli.stack.stack import running_workers
from orders_pipeline.base.settings import load_settings

BenchRow = tuple[str, str, str, str]


def measure_kpis(home: Home, orders: int) -> Iterator[BenchRow]:
    """Lines of the table."""
    spent = home.python("benchmarks.kpis")
    year, day = spent["year"], spent["day"]
    yield f"KPIs of a year over {orders:,} orders", "-", "under 10 s", f"{year:.1f} s"
    yield "KPIs of one more day", f"1/{year / day:.0f} of the year", "independent of history", f"{day:.2f} s"


def main() -> None:
    """Refreshes all days of the generated files, then one."""
    spent = {}
    days = [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]
    settings = load_settings()
    with running_workers(settings), open_figures_of(settings) as figures:
        for name, wanted in (("year", days), ("day", days[-1:])):
            began = time.perf_counter()
            figures.refresh_days(wanted)
            spent[name] = time.perf_counter() - began
    sys.stdout.write(json.dumps(spent) + "\n")


if __name__ == "__main__":
    main()
