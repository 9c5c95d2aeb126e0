"""A process whose children each refresh the KPIs of a home and end themselves at a chosen point.

    python -m tests.chaos.crashing_refresh STORE_URL REDIS_URL FOLDER

Each line of its input is the number of a point; the answer is the child's exit code: 137 where it was met.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import redis
from duckdb import DuckDBPyConnection

from orders_pipeline.figures.kpis import refresh
from orders_pipeline.figures.kpis.cache import KpiCache
from orders_pipeline.figures.kpis.warehouse import readers_copy as published
from orders_pipeline.figures.kpis.warehouse import warehouse
from orders_pipeline.store import kpi_days as days
from tests.figures import open_home

KILLED = 137
# The process may die before and after each of these, and before and after the warehouse's commit.
STEPS: list[tuple[Any, str]] = [
    (refresh, "export_facts"),
    (warehouse, "replace_days"),
    (refresh, "publish_days"),
    (published, "_replace_part"),
    (published, "write_listing"),
    (KpiCache, "replace_days"),
    (KpiCache, "_run"),
    (redis.client.Pipeline, "execute"),
    (days, "mark_published"),
]


def end_at(point: int) -> None:
    """Makes this process end when it reaches this point of a refresh."""
    points = count()

    def meet() -> None:
        if next(points) == point:
            os._exit(KILLED)

    for owner, name in STEPS:
        setattr(owner, name, _watched(getattr(owner, name), meet))
    warehouse.transaction = _watched_transaction(warehouse.transaction, meet)


def _watched(step: Callable[..., Any], meet: Callable[[], None]) -> Callable[..., Any]:
    def watched(*arguments: Any, **named: Any) -> Any:
        meet()
        result = step(*arguments, **named)
        meet()
        return result

    return watched


def _watched_transaction(transaction: Callable[..., Any], meet: Callable[[], None]) -> Callable[..., Any]:
    @contextmanager
    def watched(connection: DuckDBPyConnection) -> Iterator[None]:
        with transaction(connection):
            yield
            meet()
        meet()

    return watched


def refresh_in_child(store_url: str, redis_url: str, folder: Path, point: int) -> int:
    """Exit code of a child that refreshes."""
    # This process has imported polars and duckdb but never used them, which makes the fork safe.
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    end_at(point)
    with open_home(store_url, redis_url, folder) as home:
        home.refresh_dirty_days()
    os._exit(0)


if __name__ == "__main__":
    for line in sys.stdin:
        code = refresh_in_child(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(line))
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()
