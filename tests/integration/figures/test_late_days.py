"""The check that changed days are published in time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import update

from orders_pipeline.base.clock import now_us
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.store.schema import kpi_days
from orders_pipeline.verify.late_days import check_published_in_time
from tests.figures import open_home
from tests.made_up.builders import StoredOrder, store_orders

MINUTE_US = 60_000_000
MONDAY, TUESDAY = date(2025, 11, 10), date(2025, 11, 11)


@pytest.fixture
def home(tmp_path: Path, redis_url: str) -> Iterator[PublishedFigures]:
    """A published day, and another one that is not published."""
    with open_home(f"sqlite:///{tmp_path / 'orders.db'}", redis_url, tmp_path / "warehouse") as figures:
        for day in (MONDAY, TUESDAY):
            figures.refresh_dirty_days()
            lines = (("SKU-1", 1, 100_000),)
            store_orders(figures.engine, [StoredOrder(number=str(day), day=day, lines=lines)])
        yield figures


@pytest.mark.parametrize(("minutes_ago", "in_time"), [(1, True), (16, False)])
def test_a_day_may_wait_for_a_quarter_of_an_hour(
    home: PublishedFigures, minutes_ago: int, *, in_time: bool
) -> None:
    with home.engine.begin() as connection:
        due = update(kpi_days).where(kpi_days.c.version > kpi_days.c.published)
        connection.execute(due.values(due_since=now_us() - minutes_ago * MINUTE_US))
    check = check_published_in_time(home.engine)
    assert check.ok is in_time
    assert in_time or "2025-11-11" in check.detail
