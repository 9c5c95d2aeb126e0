"""Schedules and checks of the figures, each executed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetSelection,
    DagsterInstance,
    Definitions,
    RunRequest,
    build_schedule_context,
    build_sensor_context,
    define_asset_job,
    in_process_executor,
)

from assets.figure_checks import figure_checks
from assets.kpis import kpi_assets
from assets.leaderboards import leaderboard_assets
from jobs.figures.day_checks import DAY_CHECKS
from jobs.figures.ops import publish_figures_job
from jobs.figures.schedules import figure_jobs, figure_schedules
from jobs.figures.sensors import figure_sensors
from jobs.figures.snapshots import snapshot_sensors
from orders_pipeline.base.model import Window
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.monitoring.snapshots import snapshots_of_last
from orders_pipeline.store.engine import reading
from resources.figures import FigureStores
from resources.order_store import OrderStore
from tests.figures import open_home
from tests.made_up.builders import StoredOrder, store_orders

MONDAY = date(2025, 11, 10)


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(home=tmp_path, redis_url=redis_url, timezone="Europe/Berlin")


@pytest.fixture
def home(settings: Settings) -> Iterator[PublishedFigures]:
    with open_home(settings.store_url, settings.redis_url, settings.warehouse) as figures:
        lines = (("SKU-1", 1, 100_000),)
        store_orders(figures.engine, [StoredOrder(number="1", day=MONDAY, customer_id="a", lines=lines)])
        yield figures


@pytest.fixture
def definitions(settings: Settings, home: PublishedFigures) -> Definitions:
    checks_job = define_asset_job("check_figures", AssetSelection.all_asset_checks())
    order_store = OrderStore(settings.store_url)
    stores = FigureStores(order_store, home.folder, settings.redis_url, "USD", settings.timezone)
    return Definitions(
        assets=[*kpi_assets(settings), *leaderboard_assets()],
        asset_checks=figure_checks(),
        jobs=[*figure_jobs(), publish_figures_job, checks_job],
        schedules=figure_schedules(settings),
        sensors=[*figure_sensors(settings.work_patience), *snapshot_sensors(settings)],
        resources={"figures": stores, "order_store": order_store},
        executor=in_process_executor,
    )


def run(definitions: Definitions, job: str, tags: dict[str, str] | None = None) -> Any:
    with DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=instance, tags=tags, raise_on_error=False
        )
        events = instance.fetch_materializations(AssetKey("daily_kpis"), limit=99).records
        return result, sorted(str(event.partition_key) for event in events)


def test_each_hour_yesterday_and_today_are_recomputed_in_one_run(definitions: Definitions) -> None:
    schedule = definitions.resolve_schedule_def("refresh_recent_kpis_schedule")
    # Half past eleven at night in UTC is the next day in Berlin.
    with build_schedule_context(
        scheduled_execution_time=datetime(2025, 11, 10, 23, 30, tzinfo=UTC)
    ) as context:
        request = schedule.evaluate_tick(context).run_requests[0]
    assert isinstance(request, RunRequest)
    result, days = run(definitions, "refresh_recent_kpis", dict(request.tags))
    assert result.success
    assert days == ["2025-11-10", "2025-11-11"]


def test_a_rebuild_makes_both_boards_whole(definitions: Definitions, home: PublishedFigures) -> None:
    assert definitions.resolve_schedule_def("rebuild_boards_schedule").cron_schedule == "*/30 * * * *"
    assert run(definitions, "rebuild_boards")[0].success
    assert all(home.boards.live(board, "USD").places(1, 1) for board in Board)


def test_boards_that_redis_lost_are_rebuilt_at_once_and_asked_for_once(
    definitions: Definitions, home: PublishedFigures
) -> None:
    sensor = definitions.resolve_sensor_def("missing_boards_sensor")
    stores = {"figures": (definitions.resources or {})["figures"]}
    home.boards.rebuild_all(Board.CUSTOMERS)
    home.boards.rebuild_all(Board.PRODUCTS)
    with build_sensor_context(resources=stores) as context:
        assert not sensor.evaluate_tick(context).run_requests
        home.cache.client.flushdb()
        lost = sensor.evaluate_tick(context)
        assert len(lost.run_requests) == 1
        with build_sensor_context(resources=stores, cursor=lost.cursor) as moments_later:
            assert not sensor.evaluate_tick(moments_later).run_requests
        assert run(definitions, "rebuild_boards")[0].success
        assert home.boards.missing() == []
        assert not sensor.evaluate_tick(context).run_requests


def test_a_snapshot_is_kept_in_the_store_and_plotted_as_numbers_without_a_run(
    definitions: Definitions, home: PublishedFigures
) -> None:
    sensor = definitions.resolve_sensor_def("snapshot_sensor")
    stores = {"figures": (definitions.resources or {})["figures"]}
    with DagsterInstance.ephemeral() as instance:
        with build_sensor_context(instance, resources=stores) as context:
            assert not sensor.evaluate_tick(context).run_requests
        event = instance.get_latest_materialization_event(AssetKey("pipeline_snapshot"))
    assert event
    assert event.asset_materialization
    noted = event.asset_materialization.metadata
    assert noted["waiting_orders"].value == 0
    assert noted["orders_per_second"].value == 0.0
    with reading(home.engine) as connection:
        (kept,) = snapshots_of_last(connection, timedelta(minutes=5))
    assert (kept.waiting, kept.settled) == ({"orders": 0, "dagster": 0}, 1)


def test_checks_hold_after_publishing_and_tell_what_is_wrong(
    definitions: Definitions, home: PublishedFigures
) -> None:
    home.refresh_dirty_days()
    home.publish_batch(Window(1, 9))
    evaluations = run(definitions, "check_figures")[0].get_asset_check_evaluations()
    assert len(evaluations) == len(DAY_CHECKS) + len(Board)
    assert all(evaluation.passed for evaluation in evaluations)
    with home.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE orders SET total = 1")
    home.cache.client.zadd("leaderboard:customers:spending", {"a": 7})
    wrong = run(definitions, "check_figures")[0].get_asset_check_evaluations()
    failed = {(str(one.asset_key.path[-1]), one.check_name) for one in wrong if not one.passed}
    assert failed == {
        ("daily_kpis", "published_days_equal_the_orders"),
        ("customer_leaderboard", "places_equal_the_totals"),
    }


def test_a_run_of_days_checks_these_days_and_no_others(
    definitions: Definitions, home: PublishedFigures
) -> None:
    home.refresh_dirty_days()
    with home.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE orders SET total = 1")
    job = definitions.resolve_implicit_global_asset_job_def()
    found = {}
    for day in ("2025-11-09", str(MONDAY)):
        with DagsterInstance.ephemeral() as instance:
            selected = [AssetCheckKey(AssetKey("daily_kpis"), name) for name in DAY_CHECKS]
            only_checks = job.get_subset(asset_selection=set(), asset_check_selection=set(selected))
            result = only_checks.execute_in_process(
                instance=instance, tags={"dagster/partition": day}, raise_on_error=False
            )
            found[day] = [one.check_name for one in result.get_asset_check_evaluations() if not one.passed]
    assert found == {"2025-11-09": [], str(MONDAY): ["published_days_equal_the_orders"]}


def test_days_that_a_job_publishes_are_checked_by_it(definitions: Definitions) -> None:
    with DagsterInstance.ephemeral() as instance:
        definitions.resolve_job_def("publish_figures").execute_in_process(instance=instance)
        for name in DAY_CHECKS:
            key = AssetCheckKey(AssetKey("daily_kpis"), name)
            (latest,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=9)
            assert latest.status.value == "SUCCEEDED"
