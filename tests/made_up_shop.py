"""A sample shop over ten years: four currencies, names in ten scripts, failures, refunds and rejects.

`python -m tests.made_up_shop FOLDER` fills a home once, serves its console and prints the address.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.published_figures import open_figures
from orders_pipeline.monitoring.alerts.alert_rules import AlertName, Condition
from orders_pipeline.monitoring.alerts.alerting import keep_alerts
from orders_pipeline.monitoring.snapshots import take_snapshot
from orders_pipeline.payments.connect import connect_gateway
from orders_pipeline.refunds.requests.asked import RefundAsked
from orders_pipeline.refunds.requests.request import request_refunds
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import orders
from tests.import_bench import ImportBench, Line

YEARS, FILES = 10, 12
CURRENCIES = ("USD", "USD", "USD", "EUR", "EUR", "GBP", "JPY")
NAMES = (
    "Grace Hopper",
    "Zoë Köhler-Nguyễn",
    "Ольга Сергеевна Петрова",
    "Ελένη Παπαδοπούλου",
    "דוד לוי",
    "محمد بن عبد الله الأحمد",
    "佐藤 花子",
    "김민준",
    "สมชาย ใจดี",
    "प्रिया शर्मा",
    "ნინო ბერიძე",
    "<b>Robert'); DROP TABLE orders;--</b>",
)
GOODS = ("Mouse", "Keyboard", "Desk lamp", "Standing desk", "Monitor 27″", "Cable, 2 m", "Café filter", "تمر")


def lines(count: int, last: date, names: Sequence[str] = NAMES, seed: int = 7) -> Iterator[Line]:
    """Order lines of a growing shop, with more in winter and at weekends, in order of time."""
    draw = random.Random(seed)  # noqa: S311 not for secrets
    span = YEARS * 365
    for number in range(count):
        age = span * (1 - (number / count) ** 0.6)
        placed = datetime.combine(last, datetime.min.time(), UTC) - timedelta(days=age)
        placed += timedelta(hours=draw.triangular(6, 23, 18))
        customer = int(draw.paretovariate(0.7)) % max(4_000, count // 4)
        currency = draw.choice(CURRENCIES)
        price = Decimal(draw.randrange(400, 30_000)).scaleb(0 if currency == "JPY" else -2)
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            good = int(draw.paretovariate(0.8)) % 240
            yield Line(
                f"{100_000 + number}",
                f"SKU-{good:03}",
                draw.choice((1, 1, 1, 2, 5)),
                str(price),
                "" if number % 23 == 0 else f"C-{customer:04}",
                names[customer % len(names)],
                currency,
                f"{placed:%Y-%m-%d %H:%M:%S}",
                f"{GOODS[good % len(GOODS)]} {good}",
            )


def fill(settings: Settings, folder: Path, count: int, last: date, names: Sequence[str] = NAMES) -> None:
    """Imports the files of the shop up to a day into an empty home, and publishes its figures."""
    engine = open_engine(settings.store_url)
    bench = ImportBench.at(engine, folder)
    bench.settings = settings
    connect_gateway(settings, engine)
    bench.stock(**{"SKU-150": 30, "SKU-151": 12})
    made = lines(count, last, names)
    for number in range(1, FILES + 1):
        part = list(islice(made, count * 8 // 5 // FILES))
        rejected = [Line(f"bad-{number}-{each}", quantity=-1) for each in range(number)]
        bench.import_lines(*part, *rejected, name=f"orders-{number:02}.csv")
    with open_figures(
        engine, settings.warehouse, settings.redis_url, settings.currency, settings.zone
    ) as figures:
        figures.rebuild()
        for board in Board:
            figures.boards.rebuild_all(board)
        figures.live.publish()
        figures.update_tables()
    _give_back(bench)
    for waiting in (3, 5):
        take_snapshot(engine, {"orders": waiting, "dagster": 1})
    raised = {
        AlertName.WAITING_TOO_LONG: [Condition("orders", "The oldest of 7 tasks waits for 12 minutes.")]
    }
    keep_alerts(engine, raised, now_us(), 0)
    engine.dispose()


def _give_back(bench: ImportBench) -> None:
    with reading(bench.engine) as connection:
        completed = orders.select().where(orders.c.status == "completed").order_by(orders.c.id.desc())
        found = connection.execute(completed.limit(400)).all()
    asked = [RefundAsked(order=row.number, key=row.number, reason="damaged") for row in found[::7]]
    request_refunds(bench.engine, asked, RefundTerms.of(bench.settings), "cli:ada")


def shop_settings(folder: Path, redis_url: str) -> Settings:
    """The settings of the shop's home."""
    return Settings(
        home=folder / "home",
        redis_url=redis_url,
        rate_limit=0,
        payment_success_rate=0.96,
        payment_delay_min=0,
        payment_delay_max=0,
        payment_seed="a shop",
        unknown_sku_stock=10_000_000,
        low_stock=50,
        api_key="open sesame, open",
    )


def main() -> None:
    """Fills the home if it is empty, and serves it until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--orders", type=int, default=40_000)
    asked = parser.parse_args()
    _serve(asked.folder, asked.orders)


def _serve(folder: Path, count: int) -> None:
    from tests.servers.api_server import running_server
    from tests.services import running_redis

    folder.mkdir(parents=True, exist_ok=True)
    with running_redis() as url:
        settings = shop_settings(folder, url)
        if count and not (folder / "home").exists():
            fill(settings, folder, count, datetime.now(UTC).date())
        with running_server(settings) as address:
            print(address, flush=True)  # noqa: T201 for whoever started it
            input()


if __name__ == "__main__":
    main()
