"""The figures as Dagster materializes them: by day, by range, and by what an import changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, AssetMaterialization, DagsterInstance, materialize

from assets.daily import kpi_partitions
from assets.kpis import kpi_assets
from assets.leaderboards import leaderboard_assets
from jobs.figures.ops import publish_figures_job
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.published_figures import PublishedFigures
from resources.figures import FigureStores
from resources.order_store import OrderStore
from tests.figures import expected_customers, open_home
from tests.made_up.builders import StoredOrder, store_orders

MONDAY, FRIDAY = date(2025, 11, 10), date(2025, 11, 14)
PARTITION_RANGE = {
    "dagster/asset_partition_range_start": "2025-11-10",
    "dagster/asset_partition_range_end": "2025-11-14",
}


@pytest.fixture
def home(tmp_path: Path, redis_url: str) -> Iterator[PublishedFigures]:
    with open_home(f"sqlite:///{tmp_path / 'orders.db'}", redis_url, tmp_path / "warehouse") as figures:
        yield figures


@pytest.fixture
def resources(home: PublishedFigures, redis_url: str) -> dict[str, Any]:
    return {"figures": FigureStores(OrderStore(str(home.engine.url)), home.folder, redis_url, "USD", "UTC")}


def order(number: int, day: date, customer_id: str | None = "a", currency: str = "USD") -> StoredOrder:
    lines = (("SKU-1", 1, 100_000),)
    return StoredOrder(number=str(number), day=day, customer_id=customer_id, currency=currency, lines=lines)


def materialized(instance: DagsterInstance) -> dict[str, AssetMaterialization]:
    """The last materialization of each day."""
    records = instance.fetch_materializations(AssetKey("daily_kpis"), limit=1000).records
    found = {record.partition_key: record.asset_materialization for record in reversed(records)}
    return {day: event for day, event in found.items() if day and event}


def test_the_days_of_a_range_are_one_run_with_figures_of_their_own(
    home: PublishedFigures, resources: dict[str, Any], instance: DagsterInstance
) -> None:
    store_orders(home.engine, [order(1, MONDAY), order(2, FRIDAY), order(3, FRIDAY, currency="EUR")])
    done = materialize(kpi_assets(Settings()), instance=instance, resources=resources, tags=PARTITION_RANGE)
    assert done.success
    days = materialized(instance)
    assert sorted(days) == [f"2025-11-{day}" for day in range(10, 15)]
    assert days["2025-11-10"].metadata["total_revenue"].value == 10.0
    assert days["2025-11-14"].metadata["order_count_EUR"].value == 1
    assert home.kpis.range_kpis(MONDAY, FRIDAY, "USD")["order_count"] == 2


def test_a_single_day_brings_along_the_day_that_changes_with_it(
    home: PublishedFigures, resources: dict[str, Any], instance: DagsterInstance
) -> None:
    store_orders(home.engine, [order(1, FRIDAY)])
    home.refresh_dirty_days()
    store_orders(home.engine, [order(2, MONDAY)])
    done = materialize(
        kpi_assets(Settings()), instance=instance, resources=resources, partition_key="2025-11-10"
    )
    assert done.success
    days = materialized(instance)
    assert sorted(days) == ["2025-11-10", "2025-11-14"]
    assert days["2025-11-14"].metadata["new_customers"].value == 0


def test_the_job_publishes_exactly_the_touched_days_and_nothing_the_second_time(
    home: PublishedFigures, resources: dict[str, Any], instance: DagsterInstance
) -> None:
    store_orders(home.engine, [order(1, MONDAY), order(2, FRIDAY)])
    for _ in range(2):
        assert publish_figures_job.execute_in_process(instance=instance, resources=resources).success
    records = instance.fetch_materializations(AssetKey("daily_kpis"), limit=1000).records
    assert sorted(str(record.partition_key) for record in records) == ["2025-11-10", "2025-11-14"]
    assert home.kpis.daily_kpis(FRIDAY, "USD")["order_count"] == 1


def test_leaderboards_are_rebuilt_and_shown_without_names(
    home: PublishedFigures, resources: dict[str, Any], instance: DagsterInstance
) -> None:
    store_orders(home.engine, [order(1, MONDAY), order(2, FRIDAY, "b"), order(3, FRIDAY, "b")])
    done = materialize(leaderboard_assets(), instance=instance, resources=resources)
    assert done.success
    events = done.asset_materializations_for_node("customer_leaderboard")
    assert events[0].metadata["members_USD"].value == 2
    shown = str(events[0].metadata["top"])
    assert "customer_id" in shown
    assert "Name of" not in shown
    assert home.boards.live(Board.CUSTOMERS, "USD").places(1, 9) is not None
    assert home.boards.top(Board.CUSTOMERS, 10, "USD") == expected_customers(home.engine)


def test_partitions_run_from_the_first_day_to_today_in_the_configured_zone() -> None:
    partitions = kpi_partitions(Settings(timezone="Asia/Tokyo", first_day=date(2025, 11, 10)))
    now = datetime.fromisoformat("2025-11-13T16:00:00+00:00")
    assert partitions.get_partition_keys(current_time=now) == [
        "2025-11-10",
        "2025-11-11",
        "2025-11-12",
        "2025-11-13",
        "2025-11-14",
    ]
