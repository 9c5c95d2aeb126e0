"""The small imports that are killed at each of their commits, and the process that runs them until they die.

As a program, it forks a child for each line of its input, which is killed where the line says, and answers
with the child's exit code. It has loaded everything and used nothing: a child of a process that has used
polars would hang.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.imports.small_files import SmallFiles
from tests.chaos.commit_points import CommitPoints
from tests.import_bench import RUN, ImportBench, Line
from tests.stores import open_test_engine
from tests.warm_processes import warm_python
from tests.webhooks import subscribe

GATEWAY_URL = "gateway-url"
BEFORE = [
    Line("known"),
    Line("changed", quantity=2),
    Line("changed", "CABLE", 1, "2.50"),
    Line("R-known", quantity=-1),
    Line("R-changed", quantity=-1),
]
LINES = [
    Line("a1", "MOUSE", 2),
    Line("a1", "CABLE", 1, "2.50"),
    Line("a2", "RARE", 2),
    Line("a3", "RARE", 2),
    Line("known"),
    Line("a4", "CABLE", 3, "0.3333", customer="", name=""),
    Line("changed", quantity=3),
    Line("bad", quantity=0),
    Line("b1", "RARE", 1),
    Line("b2", "MOUSE", 1, currency="EUR"),
    Line("b2", "NEWCOMER", 4, "1.25", currency="EUR"),
    Line("b3", "MOUSE", 1, date="2025-11-12 09:00:00", customer="c2"),
    Line("b4", "CABLE", 1, date="2025-11-12 09:00:00", customer="c2"),
    Line("b5", "MOUSE", 1, name="Ada Lovelace"),
    Line("R-1", "MOUSE", -2),
    Line("R-1", "UNSOLD", -1, "3.3333"),
    Line("R-2", "CABLE", -1, currency="EUR", date="2025-11-14 09:00:00", customer="c3"),
    Line("R-known", quantity=-1),
    Line("R-changed", quantity=-2),
]
# After a death, the files may be served in another order, so no product in them is scarce.
TOGETHER = {
    "first": [Line("p1", "MOUSE", 2), Line("p1", "CABLE", 1, "2.50"), Line("p2"), Line("known")],
    "second": [Line(f"q{number}", "CABLE", 1, "0.3333", customer="c2") for number in range(5)],
    "third": [Line("r1", "NEWCOMER", 4, "1.25", currency="EUR"), Line("bad", quantity=0), Line("r2")],
}


def bench_at(engine: Engine, folder: Path) -> ImportBench:
    """A home whose imports have several batches, several transactions per batch, and declined payments."""
    bench = ImportBench.at(engine, folder)
    bench.set(payment_success_rate=0.75, transaction_orders=2, batch_lines=50)
    return bench


def prepare(bench: ImportBench) -> None:
    """Prepares a subscription, stock of which some is scarce, and an earlier import."""
    subscribe(bench.engine, "order.completed", "order.failed", "order.rolled_back")
    bench.stock(MOUSE=100, CABLE=100, RARE=1)
    bench.settle(bench.stage_with_returns(*BEFORE, name="before.csv"))


def run_import(bench: ImportBench) -> None:
    """Runs the import from its start, as a new launch of it does."""
    bench.settle(bench.stage_with_returns(*LINES))


def run_together(bench: ImportBench) -> list[str]:
    """Imports some files in one run, as the step of a shared run does; returns their keys."""
    keys = [bench.stage(bench.write(*lines, name=f"{name}.csv")) for name, lines in TOGETHER.items()]
    steps = replace(bench.steps, counts_tries=False)
    files = SmallFiles(steps, RUN, bench.gateway)
    for _ in files.import_all(keys):
        pass
    return keys


def run_over_http(bench: ImportBench) -> None:
    """Runs the import with the gateway whose URL is in the folder; the source has the folder's name."""
    bench.set(payment_url=(bench.folder / GATEWAY_URL).read_text(), payment_known_within=20.0)
    bench.settle(bench.stage(bench.write(*LINES), source=bench.folder.name))


ACTIONS: dict[str, Callable[[ImportBench], object]] = {
    "alone": run_import,
    "together": run_together,
    "over_http": run_over_http,
}


@contextmanager
def crashing_imports() -> Iterator[subprocess.Popen[str]]:
    """The process that runs imports until they die."""
    command = [warm_python(), "-m", "tests.chaos.crashing_import"]
    with subprocess.Popen(
        command, cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.stdin.close()  # type: ignore[union-attr]


def crash(process: subprocess.Popen[str], bench: ImportBench, point: int, action: str = "alone") -> int:
    """Exit code of an import that was killed at this point.

    Args:
        action: a name in `ACTIONS`.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    url = bench.engine.url.render_as_string(hide_password=False)
    process.stdin.write(json.dumps([url, str(bench.folder), point, action]) + "\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def _serve() -> None:
    for request in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _run_to_death(*json.loads(request))
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _run_to_death(url: str, folder: str, point: int, action: str) -> None:
    bench = bench_at(open_test_engine(url), Path(folder))
    CommitPoints(bench.engine, at=point)
    ACTIONS[action](bench)
    os._exit(0)


if __name__ == "__main__":
    _serve()
