"""Reading: requests a second of the API from the cache, and leaderboards at the store."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser

from benchmarks.generate import FIRST_DAY
from benchmarks.homes import Home, fresh_home
from benchmarks.kpis import BenchRow
from tests.e2e.browser import find_chromium, running_browser

API_PORT = 8912
MILLION = 1_000_000
VISITS = 5
PORTS = {
    "ORDERS_WEBSERVER_PORT": "3912",
    "ORDERS_API_PORT": str(API_PORT),
    "ORDERS_RATE_LIMIT": "0",
}


def measure_reading(home: Home) -> Iterator[BenchRow]:
    """Lines of the table."""
    serving = Home(home.folder, home.settings | PORTS)
    with _up(serving):
        # The embedded Redis was stopped with the import and has lost its data.
        serving.text("benchmarks.boards")
        if shutil.which("wrk"):
            yield (
                "API from cache, 8 connections",
                "-",
                "1,000/s, 99 % under 20 ms",
                _load(f"kpis/daily?date={FIRST_DAY}"),
            )
            yield "API leaderboard, 8 connections", "-", "-", _load("leaderboard/customers?limit=10")
        if find_chromium():
            yield "overview with a year of data", "-", "first paint under 1 s", _paint()
    boards = fresh_home(home.folder.parent).python("benchmarks.boards", str(MILLION))
    shown = ", ".join(
        f"{what} {took['median']:.2f} ms (99 %: {took['p99']:.2f})" for what, took in boards.items()
    )
    yield "top ten, any rank among 1,000,000 customers, at the store", "-", "under 5 ms", shown


def _paint() -> str:
    """First paint, and until charts and leaderboards are drawn: medians of five visits."""
    with running_browser() as browser:
        visits = [_visit(browser) for _ in range(VISITS)]
    drawn, painted = (sorted(times) for times in zip(*visits, strict=True))
    first = f"{visits[0][1]:.0f} ms at the first visit"
    return f"first paint {painted[VISITS // 2]:.0f} ms, {first}; all drawn {drawn[VISITS // 2]:.0f} ms"


def _visit(browser: Browser) -> tuple[float, float]:
    """Milliseconds until the page has its leaderboards and charts, and until its first paint."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{API_PORT}/")
    page.wait_for_selector("#customers li, #customers tr")
    page.wait_for_selector("#revenue canvas")
    drawn = page.evaluate("performance.now()")
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    context.close()
    return float(drawn), float(painted)


@contextmanager
def _up(home: Home) -> Iterator[None]:
    home.orders("up")
    try:
        yield
    finally:
        home.orders("down")


def _load(path: str) -> str:
    url = f"http://127.0.0.1:{API_PORT}/api/{path}"
    urllib.request.urlopen(url, timeout=60).read()
    time.sleep(1)
    command = ["wrk", "-t1", "-c8", "-d10s", "--latency", url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    p99 = re.search(r"99%\s+([\d.]+\w+)", said)
    errors = re.search(r"Non-2xx.*", said)
    found = f"{rate.group(1) if rate else '?'} requests/s, 99 % under {p99.group(1) if p99 else '?'}"
    return f"{found} {errors.group(0) if errors else ''}".strip()
