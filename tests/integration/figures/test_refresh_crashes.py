"""A refresh that dies at any step: readers see a day before or after it, and the next refresh repairs all."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.figures.published_figures import PublishedFigures
from tests.chaos.crashing_refresh import KILLED, STEPS
from tests.figures import expected, open_home, without_times
from tests.made_up.builders import StoredOrder, store_orders
from tests.sweeps import SIZE
from tests.warm_processes import warm_python

DAYS = [date(2025, 11, day) for day in (10, 11, 12)]
# `make sweep` ends a refresh at every step.
STRIDE = 1 if SIZE > 1 else 3
Refresh = Callable[[int], int]


@pytest.fixture
def home(tmp_path: Path, redis_url: str) -> Iterator[PublishedFigures]:
    with open_home(f"sqlite:///{tmp_path / 'orders.db'}", redis_url, tmp_path / "warehouse") as opened:
        yield opened


@pytest.fixture
def refresh_until(home: PublishedFigures, redis_url: str) -> Iterator[Refresh]:
    """Refreshes in a process that ends at this point; returns its exit code."""
    command = [str(warm_python()), "-m", "tests.chaos.crashing_refresh"]
    command += [str(home.engine.url), redis_url, str(home.folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        answers, questions = process.stdout, process.stdin

        def ask(point: int) -> int:
            questions.write(f"{point}\n")
            questions.flush()
            return int(answers.readline())

        yield ask
        questions.close()


def test_a_refresh_killed_at_any_step_is_made_good_by_the_next(
    home: PublishedFigures, refresh_until: Refresh
) -> None:
    point, code = 0, KILLED
    while code == KILLED:
        before = figures(home)
        change_days(home, point)
        code = refresh_until(point)
        after = figures(home)
        for day in DAYS:
            shown = without_times(home.kpis.daily_kpis(day, "USD"))
            assert shown in (before[day], after[day])
        home.refresh_dirty_days()
        assert_right(home)
        point += STRIDE
    assert code == 0
    assert point > 2 * len(STEPS)


def figures(home: PublishedFigures) -> dict[date, dict[str, Any]]:
    """The figures of each day by the order store."""
    return {day: expected(home.engine, day, day) for day in DAYS}


def change_days(home: PublishedFigures, number: int) -> None:
    """Orders of a new customer on two days, the later one first, so that the first purchase moves."""
    lines = (("SKU-1", 1 + number, 100_000),)
    for position, day in enumerate((DAYS[2], DAYS[0])):
        order = StoredOrder(number=f"{number}-{position}", day=day, customer_id=f"c{number}", lines=lines)
        store_orders(home.engine, [order])


def assert_right(home: PublishedFigures) -> None:
    for start in DAYS:
        shown = without_times(home.kpis.daily_kpis(start, "USD"))
        assert shown == expected(home.engine, start, start)
        shown = without_times(home.kpis.range_kpis(start, DAYS[-1], "USD"))
        assert shown == expected(home.engine, start, DAYS[-1])
