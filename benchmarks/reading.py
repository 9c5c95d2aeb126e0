"""Reading: requests a second of the API from the cache, and leaderboards at the store."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.generate import FIRST_DAY
from benchmarks.homes import Home, fresh_home
from benchmarks.kpis import BenchRow

API_PORT = 8912
MILLION = 1_000_000
PORTS = {
    "ORDERS_WEBSERVER_PORT": "3912",
    "ORDERS_API_PORT": str(API_PORT),
    "ORDERS_CODE_SERVER_PORT": "4912",
    "ORDERS_RATE_LIMIT": "0",
}


def measure_reading(home: Home) -> Iterator[BenchRow]:
    """Lines of the table."""
    serving = Home(home.folder, home.settings | PORTS)
    with _up(serving):
        if shutil.which("wrk"):
            yield (
                "API from cache, 8 connections",
                "-",
                "1,000/s, 99 % under 20 ms",
                _load(f"kpis/daily?date={FIRST_DAY}"),
            )
            yield "API leaderboard, 8 connections", "-", "-", _load("leaderboard/customers?limit=10")
    boards = fresh_home(home.folder.parent).python("benchmarks.boards", str(MILLION))
    shown = ", ".join(
        f"{what} {took['median']:.2f} ms (99 %: {took['p99']:.2f})" for what, took in boards.items()
    )
    yield "top ten, any rank among 1,000,000 customers, at the store", "-", "under 5 ms", shown


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
