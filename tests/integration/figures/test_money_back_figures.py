"""Refunds, disputes and returns in KPIs: each changes its own days, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orders_pipeline.base.model import RefundKind
from orders_pipeline.figures.kpis.warehouse.published_parts import details_folder
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.verify.figure_checks import check_published_kpis
from tests.figures import expected, open_home
from tests.made_up.builders import StoredOrder, store_orders
from tests.made_up.money_back import store_refund, store_return, undo_refund

NOVEMBER, DECEMBER = date(2025, 11, 27), date(2025, 12, 3)
MONEY_BACK = (
    "total_revenue",
    "refunded",
    "refund_count",
    "net_revenue",
    "refunded_of_orders",
    "disputed",
    "dispute_fees",
)


@pytest.fixture
def home(store_url: str, tmp_path: Path, redis_url: str) -> Iterator[PublishedFigures]:
    """A home on each kind of order store, with nothing published."""
    with open_home(store_url, redis_url, tmp_path / "warehouse") as opened:
        opened.cache.client.flushall()
        yield opened


@pytest.fixture
def order(home: PublishedFigures) -> StoredOrder:
    """A published order of 10.00 in November, with two lines."""
    lines = (("SKU-1", 2, 80_000), ("SKU-2", 1, 20_000))
    (placed,) = store_orders(
        home.engine, [StoredOrder(number="1", day=NOVEMBER, lines=lines, customer_id="a")]
    )
    home.refresh_dirty_days()
    return placed


def test_a_late_refund_counts_on_its_day_and_for_the_day_of_its_order(
    home: PublishedFigures, order: StoredOrder
) -> None:
    store_refund(home.engine, order, DECEMBER, 400, lines={1: (1, 400)})
    assert {item.day for item in home.refresh_dirty_days()} == {NOVEMBER, DECEMBER}
    assert _money(home, NOVEMBER) == (10.0, 0.0, 0, 10.0, 4.0, 0.0, 0.0)
    assert _money(home, DECEMBER) == (0.0, 4.0, 1, -4.0, 0.0, 0.0, 0.0)


def test_a_refund_that_fails_later_leaves_no_trace_in_a_month_of_its_own(
    home: PublishedFigures, order: StoredOrder
) -> None:
    refund = store_refund(home.engine, order, DECEMBER, 1_000)
    home.refresh_dirty_days()
    undo_refund(home.engine, refund, order)
    home.refresh_dirty_days()
    assert _money(home, NOVEMBER) == (10.0, 0.0, 0, 10.0, 0.0, 0.0, 0.0)
    assert not list(details_folder(home.folder).glob("*/2025-12.parquet"))
    assert home.kpis.latest_days(1, "USD")[0]["date"] == NOVEMBER.isoformat()


def test_disputes_and_returns_have_their_own_places(home: PublishedFigures, order: StoredOrder) -> None:
    store_refund(home.engine, order, DECEMBER, 1_000, kind=RefundKind.DISPUTE, fee=1_500)
    store_return(home.engine, "C1", DECEMBER, "stranger", [("SKU-1", 3, 90_000)], 900)
    home.refresh_dirty_days()
    assert _money(home, DECEMBER) == (0.0, 9.0, 1, -9.0, 0.0, 10.0, 15.0)
    assert _money(home, NOVEMBER) == (10.0, 0.0, 0, 10.0, 0.0, 0.0, 0.0)
    shown = home.kpis.range_kpis(NOVEMBER, DECEMBER, "USD")
    assert (shown["unique_customers"], shown["new_customers"], shown["returning_customers"]) == (1, 1, 0)


def test_verify_finds_published_refunds_that_are_not_in_the_store(
    home: PublishedFigures, order: StoredOrder
) -> None:
    store_refund(home.engine, order, DECEMBER, 400)
    home.refresh_dirty_days()
    assert check_published_kpis(home).ok
    with home.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE refunds SET amount = 300")
    check = check_published_kpis(home)
    assert not check.ok
    assert "refunded" in check.detail


def _money(home: PublishedFigures, day: date) -> tuple[Any, ...]:
    """The money figures of a day, checked against the recomputed ones."""
    shown = home.kpis.daily_kpis(day, "USD")
    counted = expected(home.engine, day, day)
    assert {name: shown[name] for name in counted} == counted
    return tuple(shown[name] for name in MONEY_BACK)
