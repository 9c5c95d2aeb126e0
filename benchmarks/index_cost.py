"""What the indexes of searches cost an import: CPU seconds in pairs, with and without them.

`python -m benchmarks.index_cost 300000 --pairs 3` imports this number of orders into new SQLite stores, in
one process without Dagster and Celery. With `--events`, a webhook subscribes, and the index is the one on the
orders of events.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.generate import Shape, write_orders
from orders_pipeline.base.model import EventType
from orders_pipeline.store.engine import open_engine
from tests.import_bench import ImportBench
from tests.webhooks import subscribe

SEARCHES = (
    "ix_orders_customer_id",
    "ix_orders_currency",
    "ix_orders_day",
    "ix_order_lines_product_id",
    "ix_payments_transaction_id",
    "ix_failures_reason",
)
# The index on the day alone, which figures use.
OTHERWISE = ("CREATE INDEX ix_orders_day ON orders (day)",)
OF_EVENTS = ("ix_events_order_id",)


def cpu_seconds(file: Path, folder: Path, dropped: Sequence[str], *, events: bool) -> float:
    """Of the import of a file into a new store without these indexes."""
    folder.mkdir()
    engine = open_engine(f"sqlite:///{folder / 'orders.db'}")
    bench = ImportBench.at(engine, folder)
    bench.set(payment_success_rate=0.95)
    otherwise = OTHERWISE if "ix_orders_day" in dropped else ()
    with engine.begin() as connection:
        for statement in (*(f"DROP INDEX {name}" for name in dropped), *otherwise):
            connection.exec_driver_sql(statement)
    if events:
        subscribe(engine, *EventType)
    key, began = bench.stage(file), time.process_time()
    bench.settle(key)
    engine.dispose()
    return time.process_time() - began


def main() -> None:
    """Prints a line for each pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("orders", type=int)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--events", action="store_true")
    given = parser.parse_args()
    dropped, ratios = OF_EVENTS if given.events else SEARCHES, []
    with TemporaryDirectory(prefix="indexes-") as root:
        file = write_orders(Path(root) / "orders.csv", Shape(given.orders))
        for pair in range(given.pairs):
            took = {}
            for has in (True, False) if pair % 2 else (False, True):
                folder = Path(root) / f"{pair}-{has}"
                took[has] = cpu_seconds(file, folder, () if has else dropped, events=given.events)
            ratios.append(took[True] / took[False])
            sys.stdout.write(f"with {took[True]:.2f} s, without {took[False]:.2f} s: {ratios[-1]:.3f}\n")
            sys.stdout.flush()
    sys.stdout.write(f"median ratio {median(ratios):.3f}\n")


if __name__ == "__main__":
    main()
