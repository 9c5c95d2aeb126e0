"""How many bytes an order takes: in each table and index of the order store, in staging area and warehouse.

`python -m benchmarks.disk 100000` imports single-line orders on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks.generate import Shape, write_orders
from orders_pipeline.store.engine import open_engine
from tests.figures import open_home
from tests.import_bench import ImportBench
from tests.services import create_database, running_postgres, running_redis

SMALLEST_SHOWN = 1.0
SIZES = {
    "sqlite": "SELECT name, sum(pgsize) FROM dbstat GROUP BY name",
    "postgresql": """
        SELECT relname, pg_relation_size(oid) + coalesce(pg_relation_size(nullif(reltoastrelid, 0)), 0)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')""",
}


def main() -> None:
    """Measures with as many orders as the command line says; a customer has two orders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("orders", type=int)
    parser.add_argument("--files", type=int, default=1, help="figures are published after each of them")
    options = parser.parse_args()
    orders, a_file = options.orders, options.orders // options.files
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="disk-")))
        redis = stack.enter_context(running_redis())
        server = stack.enter_context(running_postgres())
        stores = {
            "sqlite": f"sqlite:///{folder / 'orders.db'}",
            "postgresql": create_database(server, "disk"),
        }
        shapes = [
            Shape(a_file, customers=orders // 2, seed=at, first=at * a_file) for at in range(options.files)
        ]
        files = [write_orders(folder / f"orders-{shape.seed}.csv", shape) for shape in shapes]
        for database, url in stores.items():
            home = folder / database
            store, rest = _measure(url, redis, files, home)
            _show(database, store, orders)
            _show("files", rest, orders)


def _measure(
    url: str, redis: str, files: Sequence[Path], home: Path
) -> tuple[dict[str, int], dict[str, int]]:
    """Bytes by table and index of the order store, and by folder of the home."""
    home.mkdir()
    engine = open_engine(url)
    bench = ImportBench.at(engine, home)
    with open_home(url, redis, bench.settings.warehouse) as figures:
        for file in files:
            bench.settle(bench.stage(file))
            figures.refresh_dirty_days()
    store = _store_sizes(engine)
    engine.dispose()
    folders = {"staging": bench.settings.staging_folder, "warehouse": bench.settings.warehouse}
    return store, {name: _bytes_in(folder) for name, folder in folders.items()}


def _store_sizes(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return dict(connection.execute(text(SIZES[engine.dialect.name])).all())


def _bytes_in(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else iter([path])
    return sum(file.stat().st_size for file in files if file.is_file())


def _show(what: str, sizes: Mapping[str, int], orders: int) -> None:
    for line in _lines(what, sizes, orders):
        sys.stdout.write(f"{line}\n")


def _lines(what: str, sizes: Mapping[str, int], orders: int) -> Iterator[str]:
    yield f"{what:32} {sum(sizes.values()) / orders:8.0f} bytes an order"
    for name, size in sorted(sizes.items(), key=lambda one: -one[1]):
        if size / orders >= SMALLEST_SHOWN:
            yield f"  {name:30} {size / orders:8.0f}"


if __name__ == "__main__":
    main()
