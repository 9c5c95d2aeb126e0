"""Late orders for a day that was published long ago: after one tick of the sensor, all figures have them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from dagster import DagsterInstance, Definitions, RunRequest, build_sensor_context

from definitions import build_definitions
from jobs.figures.ops import PUBLISH_FIGURES
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.published_figures import PublishedFigures
from tests.figures import (
    expected,
    expected_customers,
    open_home,
    without_times,
)
from tests.import_bench import ImportBench, Line

FIRST, SECOND, THIRD = (date(2025, 11, day) for day in (10, 11, 12))
HOLDS_FIRST = [(FIRST, FIRST), (FIRST, SECOND), (FIRST, THIRD)]
RANGES = [*HOLDS_FIRST, (SECOND, THIRD)]


@pytest.fixture
def home(bench: ImportBench, redis_url: str) -> Iterator[PublishedFigures]:
    with open_home(bench.settings.store_url, redis_url, bench.settings.warehouse) as opened:
        yield opened


def tick(definitions: Definitions) -> bool:
    """Evaluates the sensor and runs what it requests; returns whether it requested anything."""
    sensor = definitions.resolve_sensor_def("changed_days_sensor")
    with DagsterInstance.ephemeral() as instance:
        with build_sensor_context(instance=instance, resources=definitions.resources) as context:
            result = sensor(context)
        if not isinstance(result, RunRequest):
            return False
        return definitions.resolve_job_def(PUBLISH_FIGURES).execute_in_process(instance=instance).success


def shown(home: PublishedFigures) -> list[dict[str, Any]]:
    return [without_times(home.kpis.range_kpis(*period, "USD")) for period in RANGES]


def assert_right(home: PublishedFigures) -> None:
    assert shown(home) == [expected(home.engine, *period) for period in RANGES]
    for day in (FIRST, SECOND, THIRD):
        assert without_times(home.kpis.daily_kpis(day, "USD")) == expected(home.engine, day, day)
    assert home.boards.top(Board.CUSTOMERS, 9, "USD") == expected_customers(home.engine)


def at(day: date, order: str, customer: str, price: str) -> Line:
    return Line(order, customer=customer, price=price, date=f"{day} 10:00:00", name=f"Name of {customer}")


def test_late_orders_change_their_day_every_range_that_holds_it_and_the_leaderboards(
    bench: ImportBench, home: PublishedFigures
) -> None:
    definitions = build_definitions(bench.settings)
    bench.import_lines(*(at(day, f"o{day.day}", f"c{day.day}", "10.00") for day in (FIRST, SECOND, THIRD)))
    assert tick(definitions)
    assert_right(home)
    before = shown(home)
    bench.import_lines(at(FIRST, "late", "c12", "99.00"), name="late.csv")
    assert tick(definitions)
    assert_right(home)
    changed = [old != new for old, new in zip(before, shown(home), strict=True)]
    # The last range changes, too: its customer who was new on the third day bought on the first.
    assert changed == [True] * len(RANGES)
    assert home.kpis.daily_kpis(THIRD, "USD")["new_customers"] == 0
    assert home.boards.top(Board.CUSTOMERS, 1, "USD")[0]["customer_id"] == "c12"
    assert not tick(definitions)
