"""`make chaos`: seeded faults on real stacks and servers, and a table of the results."""

from __future__ import annotations

import argparse
import itertools
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.faults import FAULTS
from tests.chaos.plan import Plan
from tests.chaos.suite import BackEndResult, Injected, run_back_end
from tests.services import end_as_if_interrupted

BACK_ENDS = [f"{d}+{b}" for d, b in itertools.product(("sqlite", "postgresql"), ("redis", "rabbitmq"))]
page = Console(width=110)


def main() -> int:
    """Exit code 0 if no invariant was violated, nothing hung, and the outcomes are the same everywhere."""
    options = _options()
    # A shell makes its background processes ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    end_as_if_interrupted()
    began = time.monotonic()
    # The same number for each, so that they import the same files.
    share = -(-options.faults // len(options.back_ends))
    plan = Plan(
        share,
        options.seed,
        options.orders,
        options.first,
        options.a_round,
        tuple(options.only),
        options.default_timeouts,
    )
    results: list[BackEndResult] = []
    with _folder(options.keep) as folder:
        for name in options.back_ends:
            database, _, broker = name.partition("+")
            results.append(run_back_end(folder, database, broker, plan, _say))
            if results[-1].broken_off:
                break
    _show(results, time.monotonic() - began)
    if results[-1].broken_off:
        page.print(f"broken off; {results[-1].back_end} goes on with --from {results[-1].next_fault}")
        return 1
    same = len({result.hash for result in results}) == 1
    page.print(f"outcomes are {'the same' if same else 'NOT the same'} on all back ends")
    return 0 if same and not any(result.violations for result in results) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=8, help="in all; as many on each back end")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--from",
        dest="first",
        type=int,
        default=1,
        help="number of the fault of a back end with which to go on; with the other options as before",
    )
    parser.add_argument("--orders", type=int, default=400, help="orders a file; three files a round")
    parser.add_argument("--back-ends", nargs="+", choices=BACK_ENDS, default=BACK_ENDS)
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=[], help="faults to choose from")
    parser.add_argument("--a-round", type=int, default=5, help="faults after which all has to settle")
    parser.add_argument("--default-timeouts", action="store_true", help="those of a home without settings")
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
    table = Table("fault", "back end", "harmed", "nothing", "recovered in (s)", "longest", "violations")
    injected = [one for result in results for one in result.injected]
    for fault, back_end in sorted({(one.fault, one.back_end) for one in injected}):
        same = [one for one in injected if (one.fault, one.back_end) == (fault, back_end)]
        table.add_row(fault, back_end, *_row(same))
    page.print(table)
    for result in results:
        page.print(
            f"{result.back_end}: {result.orders:,} orders, {result.refunds:,} refunds and disputes, "
            f"{result.harmed} faults and {len(result.injected) - result.harmed} that found nothing to harm, "
            f"{len(result.violations)} violations, {result.seconds:.0f} s, outcomes {result.hash[:12]}, "
            f"{result.units_sold.get('SCARCE', 0)} scarce units sold",
            highlight=False,
        )
        for violation in result.violations:
            page.print(f"  [red]{violation}[/]", highlight=False)
    violations = sum(len(result.violations) for result in results)
    harmed = sum(result.harmed for result in results)
    page.print(f"{harmed} faults, {violations} violations, {seconds:.0f} s in all", highlight=False)


def _row(same: list[Injected]) -> list[str]:
    """Cells: faults that found something to harm, and others; median and longest recovery; violations."""
    harmed = [one for one in same if one.harmed]
    times = sorted(float("inf") if one.recovered_in is None else one.recovered_in for one in harmed)
    recovered = [f"{times[len(times) // 2]:.0f}", f"{times[-1]:.0f}"] if times else ["", ""]
    violations = sum(one.violations for one in same)
    return [str(len(harmed)), str(len(same) - len(harmed)), *recovered, str(violations)]


if __name__ == "__main__":
    sys.exit(main())
