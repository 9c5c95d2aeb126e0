"""Checks that warn: files with many bad lines, days that are published late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from dagster import AssetCheckEvaluation, AssetCheckSeverity, DagsterInstance
from sqlalchemy import update

from definitions import build_definitions
from jobs.care.checks import CHECK_QUALITY, check_schedules
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.store.schema import imports, kpi_days
from tests.builders import StoredOrder, store_orders
from tests.figures import open_home

MINUTE_US = 60_000_000
DAY_US = 24 * 60 * MINUTE_US
MONDAY, TUESDAY = date(2025, 11, 10), date(2025, 11, 11)
LINES = (("SKU-1", 1, 100_000),)


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(home=tmp_path, redis_url=redis_url, rejects_limit=0.1)


@pytest.fixture
def home(settings: Settings) -> Iterator[PublishedFigures]:
    """Two published days."""
    with open_home(settings.store_url, settings.redis_url, settings.warehouse) as figures:
        orders = [StoredOrder(number=str(day), day=day, lines=LINES) for day in (MONDAY, TUESDAY)]
        store_orders(figures.engine, orders)
        figures.refresh_dirty_days()
        yield figures


def evaluations(settings: Settings) -> dict[str, AssetCheckEvaluation]:
    """What the quarter-hourly job finds, by asset."""
    with DagsterInstance.ephemeral() as instance:
        job = build_definitions(settings).resolve_job_def(CHECK_QUALITY)
        result = job.execute_in_process(instance=instance)
    return {one.asset_key.to_user_string(): one for one in result.get_asset_check_evaluations()}


def moved(home: PublishedFigures, minutes_ago: int) -> None:
    """Another order for Tuesday, so many minutes ago, that is not published."""
    store_orders(home.engine, [StoredOrder(number="late", day=TUESDAY, lines=LINES)])
    with home.engine.begin() as connection:
        due = update(kpi_days).where(kpi_days.c.version > kpi_days.c.published)
        connection.execute(due.values(due_since=now_us() - minutes_ago * MINUTE_US))


def rejected(home: PublishedFigures, lines: int, days_ago: int) -> None:
    """A file of 100 records with so many bad ones."""
    values = {"records": 100, "rejected_lines": lines, "started_at": now_us() - days_ago * DAY_US}
    with home.engine.begin() as connection:
        connection.execute(update(imports).values(values))


def test_both_hold_where_all_is_well(home: PublishedFigures, settings: Settings) -> None:
    rejected(home, 10, days_ago=0)
    found = evaluations(settings)
    assert found.keys() == {"daily_kpis", "rejected_order_rows"}
    assert all(one.passed for one in found.values())


def test_a_file_with_more_bad_lines_than_the_limit_is_warned_of_by_name(
    home: PublishedFigures, settings: Settings
) -> None:
    rejected(home, 11, days_ago=6)
    found = evaluations(settings)["rejected_order_rows"]
    assert not found.passed
    assert found.severity is AssetCheckSeverity.WARN
    assert found.metadata["files"].value == 1
    assert "11" in str(found.metadata["found"])


def test_old_files_are_left_alone(home: PublishedFigures, settings: Settings) -> None:
    rejected(home, 99, days_ago=8)
    assert evaluations(settings)["rejected_order_rows"].passed


@pytest.mark.parametrize(("minutes_ago", "fresh"), [(1, True), (16, False)])
def test_a_day_that_changed_is_fresh_for_a_quarter_of_an_hour(
    home: PublishedFigures, settings: Settings, minutes_ago: int, *, fresh: bool
) -> None:
    moved(home, minutes_ago)
    found = evaluations(settings)["daily_kpis"]
    assert found.passed is fresh
    assert found.metadata["days"].value == (0 if fresh else 1)
    assert fresh or "2025-11-11" in str(found.description)


def test_it_runs_every_quarter_of_an_hour(settings: Settings) -> None:
    crons = {schedule.name: schedule.cron_schedule for schedule in check_schedules(settings)}
    assert crons["check_quality_schedule"] == "20 * * * *"
