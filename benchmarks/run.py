"""All benchmarks in one run: prints one table, ratios first, and keeps it in `benchmarks/RESULTS.md`.

python -m benchmarks.run [--orders 1000000] [--only throughput,latency,...]

With another number than a million orders, it only shows that all benchmarks work, and saves no results.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass, field
from itertools import chain
from pathlib import Path

import redis
from rich.console import Console
from rich.table import Table

from benchmarks.generate import Shape, write_orders
from benchmarks.homes import Home, fresh_home, watching_memory
from benchmarks.kpis import measure_kpis
from benchmarks.reading import measure_reading
from benchmarks.results import Row, keep_results
from benchmarks.seconds import measure as measure_seconds
from tests.services import create_database, running_postgres, running_rabbitmq, running_redis

HOT_PATH, SMALL_PATH = (Path(__file__).with_name(f"{name}_path.txt") for name in ("hot", "small"))
MILLION = 1_000_000
PEER_ORDERS, REPETITIONS = 2_000, 20
# Settings of a modestly tuned server; the server of the tests runs without fsync.
POSTGRES = ("shared_buffers=1GB", "max_wal_size=8GB", "fsync=on")


@dataclass(slots=True)
class Bench:
    """Where the benchmarks keep their files, how large they are, and what came out."""

    root: Path
    orders: int
    suite: str = ""
    rows: dict[str, list[Row]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def file(self, shape: Shape) -> Path:
        """A generated file of this shape."""
        name = "-".join(str(getattr(shape, each)) for each in Shape.__dataclass_fields__)
        return write_orders(self.root / f"{name}.csv", shape)

    def add(self, what: str, ratio: str, aim: str, figures: str) -> None:
        """Adds a line and shows it at once."""
        self.rows.setdefault(self.suite, []).append(Row(what, ratio, aim, figures))
        Console(stderr=True).print(f"{what}: {ratio} ({aim}); {figures}", highlight=False)

    @contextmanager
    def home(self, **settings: str) -> Iterator[Home]:
        """A fresh home, removed afterwards."""
        home = fresh_home(self.root / "homes", **settings)
        try:
            yield home
        finally:
            shutil.rmtree(home.folder, ignore_errors=True)

    def import_seconds(self, file: Path, **settings: str) -> tuple[float, float]:
        """Seconds of `orders import` of a file into a fresh home, and the largest process in MB."""
        with self.home(**settings) as home, watching_memory(home) as memory:
            return float(home.orders("import", str(file))["seconds"]), memory.peak_mb

    def floor_seconds(self, file: Path, **settings: str) -> float:
        """Seconds of all steps by one plain process on a fresh home."""
        with self.home(**settings) as home:
            return float(home.python("benchmarks.floor", str(file))["seconds"])


def throughput(bench: Bench) -> None:
    """This project, the floor and the peer on SQLite with the embedded Redis."""
    single = bench.file(Shape(bench.orders))
    floor = bench.floor_seconds(single)
    ours, peak = bench.import_seconds(single)
    bench.seconds["single"] = ours
    bench.add(
        f"{bench.orders:,} single-line orders, SQLite + embedded Redis",
        f"{ours / floor:.2f}x the floor",
        "at most 1.5x, aim 1x; 1,000,000 in under 60 s",
        f"{ours:.1f} s ({bench.orders / ours:,.0f}/s), floor {floor:.1f} s, largest process {peak:.0f} MB",
    )
    peer_orders = min(PEER_ORDERS, bench.orders // 100)
    with bench.home() as home:
        peer_file = bench.file(Shape(peer_orders))
        peer = float(home.python("benchmarks.peer_chain", str(peer_file))["orders_per_second"])
    bench.add(
        "peer: one Celery chain an order, same tables",
        f"{bench.orders / ours / max(peer, 0.01):,.0f}x the peer's rate",
        "-",
        f"{peer:.0f} orders/s over {peer_orders:,} orders",
    )
    lines = bench.file(Shape(bench.orders // 4, lines=4))
    floor, (ours, _) = bench.floor_seconds(lines), bench.import_seconds(lines)
    bench.add(
        f"{bench.orders // 4:,} orders of 4 lines, SQLite",
        f"{ours / floor:.2f}x the floor",
        "at most 1.5x",
        f"{ours:.1f} s, floor {floor:.1f} s",
    )


def servers(bench: Bench) -> None:
    """The same on PostgreSQL and RabbitMQ, with Redis for results."""
    single = bench.file(Shape(bench.orders))
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres(*POSTGRES))
        rabbit = stack.enter_context(running_rabbitmq())
        floor = bench.floor_seconds(single, ORDERS_DATABASE_URL=create_database(postgres, "floor"))
        ours, peak = bench.import_seconds(
            single,
            ORDERS_DATABASE_URL=create_database(postgres, "ours"),
            ORDERS_BROKER_URL=rabbit.add_vhosts(1)[0],
        )
    bench.add(
        f"{bench.orders:,} single-line orders, PostgreSQL + RabbitMQ",
        f"{ours / floor:.2f}x the floor",
        "at most 1.5x",
        f"{ours:.1f} s ({bench.orders / ours:,.0f}/s), floor {floor:.1f} s, largest process {peak:.0f} MB",
    )


def latency(bench: Bench) -> None:
    """Gateway delays of 1-3 s, hidden by charging thousands at once."""
    orders = bench.orders // 10
    delays = {
        "ORDERS_PAYMENT_DELAY_MIN": "1",
        "ORDERS_PAYMENT_DELAY_MAX": "3",
        "ORDERS_WORKER_PROCESSES": "2",
    }
    ours, _ = bench.import_seconds(bench.file(Shape(orders)), **delays)
    bench.add(
        f"{orders:,} orders, gateway delay 1-3 s, two worker processes",
        f"{orders * 2 / ours:,.0f}x faster than one after the other",
        "100,000 in under 40 s",
        f"{ours:.1f} s",
    )


def scarcity(bench: Bench) -> None:
    """One product of a thousand runs out half-way."""
    file = bench.file(Shape(bench.orders))
    with bench.home() as home:
        stock = bench.root / "scarce.csv"
        # A thousandth of the orders have each product, with about 2.5 units.
        stock.write_text(
            f"sku,name,price,stock_quantity\nSKU-0000000,Scarce,1.00,{bench.orders * 5 // 4000}\n"
        )
        home.orders("products", "import", str(stock))
        report = home.orders("import", str(file))
    plain = bench.seconds.get("single") or bench.import_seconds(file)[0]
    bench.add(
        f"{bench.orders:,} orders, one product runs out half-way",
        f"{report['seconds'] / plain:.2f}x without scarcity",
        "at most 1.3x",
        f"{report['seconds']:.1f} s, {report['statuses']['failed']:,} orders failed",
    )


def shapes(bench: Bench) -> None:
    """Other distributions of products, and lines scattered over the file."""
    plain = bench.seconds.get("single") or bench.import_seconds(bench.file(Shape(bench.orders)))[0]
    others = {
        "one product in 90 % of the orders": Shape(bench.orders, skew=0.9),
        "every product unique": Shape(bench.orders, products=100 * bench.orders),
        "4 lines an order, scattered over the file": Shape(bench.orders // 4, lines=4, scattered=True),
    }
    for name, shape in others.items():
        ours, peak = bench.import_seconds(bench.file(shape))
        bench.add(
            name, f"{ours / plain:.2f}x the plain file", "-", f"{ours:.1f} s, largest process {peak:.0f} MB"
        )


def broker(bench: Bench) -> None:
    """Bytes that the broker is sent for an order, of a smaller and a larger file."""
    sent = [_bytes_an_order(bench, orders) for orders in (bench.orders // 10, bench.orders)]
    bench.add(
        f"bytes on the broker, {bench.orders:,} orders",
        f"{sent[1] / sent[0]:.2f}x those of a file of {bench.orders // 10:,}, an order",
        "less the larger the file",
        f"{sent[1]:.2f} bytes an order; of the smaller file {sent[0]:.2f}",
    )


def _bytes_an_order(bench: Bench, orders: int) -> float:
    with running_redis() as url, redis.Redis.from_url(url) as client:
        bench.import_seconds(bench.file(Shape(orders)), ORDERS_BROKER_URL=url)
        return float(client.info("stats")["total_net_input_bytes"]) / orders  # type: ignore[index]


def hot_path(bench: Bench) -> None:
    """A listing of the hot path, stored next to the results."""
    with bench.home() as home:
        listing = home.text("benchmarks.hot_path", str(bench.file(Shape(bench.orders // 10))))
    if bench.orders == MILLION:
        HOT_PATH.write_text(listing, encoding="utf-8")
    bench.add("hot path", "-", "-", f"benchmarks/{HOT_PATH.name}")


def scale(bench: Bench) -> None:
    """Ten times the orders."""
    plain = bench.seconds.get("single") or bench.import_seconds(bench.file(Shape(bench.orders)))[0]
    ours, peak = bench.import_seconds(bench.file(Shape(10 * bench.orders)))
    bench.add(
        f"{10 * bench.orders:,} orders",
        f"{ours / plain:.1f}x the time of {bench.orders:,}",
        "at most 11x, no process above 800 MB",
        f"{ours:.0f} s ({10 * bench.orders / ours:,.0f}/s), largest process {peak:.0f} MB",
    )


def small(bench: Bench) -> None:
    """Ten orders, with workers running, and a listing of what they wait for."""
    file, profiled = bench.file(Shape(10)), bench.file(Shape(10, first=200_000_000))
    ports = {"ORDERS_WEBSERVER_PORT": "3911", "ORDERS_API_PORT": "8911"}
    with bench.home(**ports) as home:
        home.orders("up")
        try:
            seconds = float(home.orders("import", str(file))["seconds"])
            listing = home.text("benchmarks.small_path", str(profiled))
        finally:
            home.orders("down")
    if bench.orders == MILLION:
        SMALL_PATH.write_text(listing, encoding="utf-8")
    bench.add(
        "ten orders, workers running",
        "-",
        "within 8 s",
        f"{seconds:.1f} s from the command to the last order",
    )


def seconds(bench: Bench) -> None:
    """How soon orders are settled and published under `orders up`, in a stack of its own."""
    for one in measure_seconds(REPETITIONS, bench.orders // 1000):
        figures = f"p50 {one.p50:.2f} s, p99 {one.p99:.2f} s, {len(one.seconds)} times"
        bench.add(one.what, "-", f"{one.aim} s" if one.aim != "-" else "-", figures)


def figures(bench: Bench) -> None:
    """KPIs of a year over the orders, and one more day; reading them."""
    with bench.home() as home:
        home.orders("import", str(bench.file(Shape(bench.orders))))
        for row in (*measure_kpis(home, bench.orders), *measure_reading(home)):
            bench.add(*row)


SUITES: dict[str, Callable[[Bench], None]] = {
    suite.__name__: suite
    for suite in (
        throughput,
        servers,
        latency,
        scarcity,
        small,
        seconds,
        figures,
        shapes,
        broker,
        hot_path,
        scale,
    )
}


def main() -> None:
    """Runs the chosen suites."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=MILLION)
    parser.add_argument("--only", default=",".join(SUITES))
    parser.add_argument("--keep", type=Path, help="folder for generated files, kept for the next run")
    given = parser.parse_args()
    with ExitStack() as stack:
        root = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orders-bench-")))
        root.mkdir(parents=True, exist_ok=True)
        bench = Bench(root, given.orders)
        for name in given.only.split(","):
            bench.suite = name
            SUITES[name](bench)
    table = Table("what", "ratio", "aim", "figures")
    for row in chain.from_iterable(bench.rows.values()):
        table.add_row(*astuple(row))
    Console().print(table)
    if given.orders == MILLION:
        keep_results(bench.rows, given.orders)


if __name__ == "__main__":
    main()
