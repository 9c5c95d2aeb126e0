"""`make chaos`: seeded faults on real stacks and servers, and a table of what came of them."""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.suite import BackEndResult, run_back_end

BACK_ENDS = [f"{d}+{b}" for d, b in itertools.product(("sqlite", "postgresql"), ("redis", "rabbitmq"))]
page = Console(width=110)


def main() -> int:
    """Exit code 0 when nothing was violated and nothing hung."""
    options = _options()
    began = time.monotonic()
    results = []
    with _folder(options.keep) as folder:
        for at, name in enumerate(options.back_ends):
            database, broker = name.split("+")
            share = options.faults // len(options.back_ends) + (at < options.faults % len(options.back_ends))
            results.append(
                run_back_end(
                    folder,
                    database,
                    broker,
                    faults=share,
                    seed=options.seed,
                    orders=options.orders,
                    say=_say,
                )
            )
    _show(results, time.monotonic() - began)
    same = len({result.hash for result in results if result.orders == results[0].orders}) == 1
    return 0 if same and not any(result.violations for result in results) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--orders", type=int, default=400, help="orders a file; two files a round of faults")
    parser.add_argument("--back-ends", nargs="+", choices=BACK_ENDS, default=BACK_ENDS)
    parser.add_argument("--keep", type=Path, help="folder in which logs and stores stay, to look at")
    return parser.parse_args()


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _say(message: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {message}\n")


def _show(results: list[BackEndResult], seconds: float) -> None:
    table = Table("fault", "back end", "times", "recovered in (s), median", "longest", "violations")
    injected = [one for result in results for one in result.injected]
    for fault, back_end in sorted({(one.fault, one.back_end) for one in injected}):
        same = [one for one in injected if (one.fault, one.back_end) == (fault, back_end)]
        times = sorted(float("inf") if one.recovered_in is None else one.recovered_in for one in same)
        median, longest = f"{times[len(times) // 2]:.0f}", f"{times[-1]:.0f}"
        violations = sum(one.violations for one in same)
        table.add_row(fault, back_end, str(len(times)), median, longest, str(violations))
    page.print(table)
    for result in results:
        page.print(
            f"{result.back_end}: {result.orders:,} orders, {len(result.injected)} faults, "
            f"{len(result.violations)} violations, {result.seconds:.0f} s, outcomes {result.hash[:12]}, "
            f"{result.units_sold.get('SCARCE', 0)} scarce units sold",
            highlight=False,
        )
        for violation in result.violations:
            page.print(f"  [red]{violation}[/]", highlight=False)
    violations = sum(len(result.violations) for result in results)
    page.print(f"{len(injected)} faults, {violations} violations, {seconds:.0f} s in all", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
