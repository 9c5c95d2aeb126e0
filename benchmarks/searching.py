"""Lists and searches of orders in a store of ten years: milliseconds of a page, for each filter alone.

`python -m benchmarks.searching FOLDER --orders 10000000` fills a store in FOLDER (10 GB, a quarter of an
hour) unless it exists, and reads pages of 50 orders of a day, a month, a year and all years, from the
beginning and from the middle of the range, in this process. With `--http`, it reads them from the API, with
`--console` from the page in the console. `--url` names a PostgreSQL database to use instead of SQLite.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import requests
from sqlalchemy import Engine, select

from benchmarks.daily_files import (
    FIRST_DAY,
    FIRST_NUMBER,
    MARKETPLACE,
    NEW_SKU,
    OLD_CURRENCY,
    OLD_SKU,
    OLD_SOURCE,
    RARE_CURRENCY,
    RARE_SKU,
    SHOP,
    SOLD_OUT,
    TenYears,
    fill,
)
from benchmarks.seconds import Measured
from orders_pipeline.base.model import FailureReason, OrderStatus
from orders_pipeline.base.settings import Settings
from orders_pipeline.exports.order_filter import OrderFilter, Place, cursor_of
from orders_pipeline.exports.order_list import list_orders, total_of
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.identity import store_id
from orders_pipeline.store.schema import imports, orders, payments
from tests.servers.api_server import running_server

PAGE, AIM_MS, MOST_SECONDS = 50, 50, 3.0
RANGES = {"day": 1, "month": 30, "year": 365, "all": None}
Read = Callable[[OrderFilter, Place | None], None]


class Case(NamedTuple):
    """A filter alone, with the range and the beginning of its pages."""

    name: str
    wanted: OrderFilter
    days: str
    deep: bool


@dataclass(frozen=True, slots=True)
class Measurer:
    """Measures reads of a store."""

    shape: TenYears
    read: Read
    times: int

    def milliseconds(self, case: Case) -> tuple[list[float], list[float]]:
        """By the clock, and of CPU time, of so many reads, each of other days; fewer if they are slow."""
        draw, took, cpu = random.Random(case.name), [], []  # noqa: S311 not for secrets
        until = time.monotonic() + MOST_SECONDS
        for _ in range(self.times):
            wanted, after = self._drawn(case, draw)
            began, used = time.perf_counter(), time.process_time()
            self.read(wanted, after)
            took.append((time.perf_counter() - began) * 1000)
            cpu.append((time.process_time() - used) * 1000)
            if time.monotonic() > until:
                break
        return took, cpu

    def _drawn(self, case: Case, draw: random.Random) -> tuple[OrderFilter, Place | None]:
        """A range of days, and a place in its middle if the page is a deep one."""
        length = RANGES[case.days]
        first, last = FIRST_DAY, self.shape.last_day + timedelta(days=2)
        if length:
            first += timedelta(days=draw.randrange((last - first).days - length))
            last = first + timedelta(days=length - 1)
        middle = first + (last - first) / 2
        after = Place(middle, self._id_of(middle)) if case.deep else None
        return replace(case.wanted, first=first if length else None, last=last if length else None), after

    def _id_of(self, day: date) -> int:
        share = (day - FIRST_DAY + timedelta(hours=12)) / (self.shape.last_day - FIRST_DAY)
        return int(self.shape.orders * share)


def filters(engine: Engine) -> dict[str, OrderFilter]:
    """Each filter with values that many, some, few and no orders have, or only old ones."""
    with reading(engine) as connection:
        paid = select(payments.c.transaction_id).where(payments.c.transaction_id.is_not(None))
        transaction = connection.execute(paid.limit(1)).scalar_one()
        file = connection.execute(
            select(imports.c.partition_key).order_by(imports.c.id.desc()).offset(500).limit(1)
        ).scalar_one()
        number = connection.execute(select(orders.c.number).limit(1)).scalar_one()
    wanted = {"none": OrderFilter()}
    wanted |= {f"status {one}": OrderFilter(status=one) for one in OrderStatus}
    wanted |= {f"reason {one}": OrderFilter(reason=one) for one in FailureReason}
    by_text = {
        "customer": (MARKETPLACE, "C4", "C100001", "nobody"),
        "sku": ("SKU-0000", "SKU-0900", RARE_SKU, OLD_SKU, NEW_SKU, SOLD_OUT),
        "source": (SHOP, OLD_SOURCE),
        "file": (file,),
        "currency": ("USD", "GBP", RARE_CURRENCY, OLD_CURRENCY, "JPY"),
        "text": (
            number,
            str(FIRST_NUMBER)[:1],
            str(FIRST_NUMBER)[:3],
            str(FIRST_NUMBER)[:4],
            "C1",
            "C1000",
            transaction,
            transaction[:5],
            transaction[:9],
            "no such text",
        ),
    }
    for name, values in by_text.items():
        wanted |= {f"{name} {value}": OrderFilter(**{name: value}) for value in values}
    return wanted


def cases(engine: Engine, only: str) -> Iterator[Case]:
    """All combinations."""
    for name, wanted in filters(engine).items():
        if only in name:
            for days in RANGES:
                yield Case(name, wanted, days, deep=False)
                yield Case(name, wanted, days, deep=True)


def _in_process(engine: Engine) -> Read:
    def read(wanted: OrderFilter, after: Place | None) -> None:
        with reading(engine) as connection:
            list_orders(connection, wanted, PAGE, after)
            total_of(connection, wanted)

    return read


@contextmanager
def _over_http(engine: Engine, settings: Settings, path: str) -> Iterator[Read]:
    token = store_id(engine)
    with running_server(settings) as url, requests.Session() as session:

        def read(wanted: OrderFilter, after: Place | None) -> None:
            given = {
                "status": wanted.status,
                "customer": wanted.customer,
                "sku": wanted.sku,
                "file": wanted.file,
                "source": wanted.source,
                "reason": wanted.reason,
                "text": wanted.text,
                "start_date": wanted.first and str(wanted.first),
                "end_date": wanted.last and str(wanted.last),
                "currency": wanted.currency,
                "cursor": cursor_of(after, wanted, token) if after else None,
            }
            session.get(url + path, params=given, timeout=120).raise_for_status()

        yield read


def _report(measurer: Measurer, engine: Engine, only: str) -> None:
    every: tuple[list[float], list[float]] = [], []
    sys.stdout.write(f"load {os.getloadavg()[0]:.1f}; milliseconds by the clock, and of CPU time\n")
    for case in cases(engine, only):
        measured = measurer.milliseconds(case)
        beginning = "deep" if case.deep else "first"
        sys.stdout.write(f"{case.name:<34} {case.days:<6} {beginning:<6}{_shown(*measured)}\n")
        sys.stdout.flush()
        every[0].extend(measured[0])
        every[1].extend(measured[1])
    sys.stdout.write(f"{len(every[0]):,} reads {'':<36}{_shown(*every)}\n")


def _shown(clock: list[float], cpu: list[float]) -> str:
    one, used = Measured("", "", clock), Measured("", "", cpu)
    mark = f"  above {AIM_MS}" if max(used.p50, min(one.p50, used.p99)) > AIM_MS else ""
    return f" p50 {one.p50:8.1f} p99 {one.p99:8.1f}   CPU p50 {used.p50:8.1f} p99 {used.p99:8.1f}{mark}"


def main() -> None:
    """Fills a store if it is empty, and measures it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--orders", type=int, default=10_000_000)
    parser.add_argument("--url", default="", help="of an empty or filled PostgreSQL database")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--only", default="", help="filters whose names contain this")
    parser.add_argument("--http", action="store_true")
    parser.add_argument("--console", action="store_true")
    given = parser.parse_args()
    settings = Settings(home=given.folder / "home", database_url=given.url, rate_limit=0)
    shape, filled = TenYears(given.orders), given.folder / "filled"
    engine = open_engine(settings.store_url)
    if not filled.exists():
        fill(engine, given.folder, shape)
        filled.touch()
    if given.http or given.console:
        with _over_http(engine, settings, "/orders" if given.console else "/api/orders") as read:
            _report(Measurer(shape, read, given.times), engine, given.only)
    else:
        _report(Measurer(shape, _in_process(engine), given.times), engine, given.only)
    engine.dispose()


if __name__ == "__main__":
    main()
