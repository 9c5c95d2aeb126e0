"""Pages of the console: how long each takes, its first paint, and all that again while 200 pages are open.

`python -m benchmarks.pages FOLDER --orders 1000000` fills a home with ten years of orders in some minutes,
serves it in a separate process, and prints a table. An existing home is measured at once.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil
import requests
from rich.console import Console
from rich.table import Table

from orders_pipeline.base.settings import PROJECT_ROOT
from tests.e2e.browser import KEY, find_chromium, running_browser

FIRST_PAINT = """new Promise((done) => {
  const look = () => {
    const [paint] = performance.getEntriesByName('first-contentful-paint');
    if (paint) done(paint.startTime); else requestAnimationFrame(look);
  };
  look();
})"""
TIMES, OPEN_PAGES, PAGE_MS, PAINT_MS = 7, 200, 300, 200
PAGES = (
    "/",
    "/?period=all",
    "/?period=12m&currency=EUR",
    "/files",
    "/orders",
    "/orders?status=failed",
    "/orders?reason=declined&start_date=2020-01-01",
    "/orders?sku=SKU-003",
    "/orders?text=1000",
    "/failed",
    "/refunds",
    "/customers",
    "/customers?text=petrova",
    "/customers?text=Ольга",
    "/search?q=nobody%20like%20that",
    "/products",
    "/products?low=true",
    "/products/SKU-003",
    "/reports",
    "/reports?period=all",
    "/reports/cohorts",
    "/reports/cohorts?months=all",
    "/operations",
    "/settings/audit",
    "/settings/profiles",
    "/settings/configuration",
)
PAINTED = ("/", "/orders", "/reports", "/customers")


@contextmanager
def _served(folder: Path, orders: int) -> Iterator[tuple[str, psutil.Process]]:
    """Address and process of the console of a made-up shop."""
    command = [sys.executable, "-m", "tests.made_up_shop", str(folder), "--orders", str(orders)]
    with subprocess.Popen(  # noqa: S603 our own command
        command, cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            address = server.stdout.readline().strip() if server.stdout else ""
            yield address, psutil.Process(server.pid)
        finally:
            server.communicate("\n", timeout=60)


def _milliseconds(session: requests.Session, address: str) -> float:
    began = time.perf_counter()
    answered = session.get(address, timeout=120)
    took = (time.perf_counter() - began) * 1000
    answered.raise_for_status()
    return took


def _measure_pages(url: str) -> dict[str, tuple[float, float]]:
    """For each page the milliseconds of its first request, and the median of more, each after a second."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {KEY}"
        found = {page: [_milliseconds(session, url + page)] for page in PAGES}
        for _ in range(TIMES):
            # Waits until the values that pages share for a second are read again.
            time.sleep(1)
            for page in PAGES:
                found[page].append(_milliseconds(session, url + page))
    return {page: (took[0], median(took[1:])) for page, took in found.items()}


def _paints(url: str) -> dict[str, float]:
    """The median milliseconds until the first paint of a page, in a browser that knows the console."""
    if not find_chromium():
        return {}
    with running_browser() as browser:
        page = browser.new_page(extra_http_headers={"Authorization": f"Bearer {KEY}"})
        found = {}
        for path in PAINTED:
            times = []
            for _ in range(TIMES):
                page.goto(url + path)
                times.append(float(page.evaluate(FIRST_PAINT)))
            found[path] = median(times)
    return found


@contextmanager
def _open_pages(url: str) -> Iterator[list[int]]:
    """That many streams of open pages, of which a thread reads all; the bytes that came."""
    read = [0]
    with ExitStack() as opened:
        paths = ("/live?overview=true", "/live?files=true", "/live")
        headers = {"Authorization": f"Bearer {KEY}"}
        for number in range(OPEN_PAGES):
            stream = requests.get(url + paths[number % 3], headers=headers, stream=True, timeout=60)
            stream.raise_for_status()
            opened.callback(stream.close)
            threading.Thread(target=_read, args=(stream, read), daemon=True).start()
        yield read


def _read(stream: requests.Response, read: list[int]) -> None:
    try:
        for line in stream.iter_lines():
            read[0] += len(line)
    except (requests.RequestException, AttributeError, OSError):
        return  # the end


def _shares(server: psutil.Process, seconds: float = 10.0) -> float:
    """The share of one processor that a process uses."""
    before, began = sum(server.cpu_times()[:2]), time.monotonic()
    time.sleep(seconds)
    return (sum(server.cpu_times()[:2]) - before) / (time.monotonic() - began)


def _table(rows: dict[str, tuple[float, float]], crowded: dict[str, tuple[float, float]]) -> Table:
    table = Table("page", title=f"Milliseconds; the aim is {PAGE_MS}")
    for name in ("first", "median", f"median with {OPEN_PAGES} open pages"):
        table.add_column(name, justify="right")
    for page, (first, usual) in rows.items():
        table.add_row(page, f"{first:.0f}", f"{usual:.0f}", f"{crowded[page][1]:.0f}")
    return table


def main() -> None:
    """Fills, serves and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--orders", type=int, default=1_000_000)
    asked = parser.parse_args()
    with _served(asked.folder, asked.orders) as (url, server):
        usual = _measure_pages(url)
        paints = _paints(url)
        with _open_pages(url):
            share = _shares(server)
            crowded = _measure_pages(url)
    console = Console(width=120)
    console.print(_table(usual, crowded))
    shown = ", ".join(f"{page} {took:.0f} ms" for page, took in paints.items())
    console.print(f"First paint, aim {PAINT_MS} ms: {shown}")
    console.print(f"{OPEN_PAGES} open pages take {share:.0%} of one processor.")
    console.print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
