"""The checks of published figures pass on what the pipeline wrote, and fail after a manual change."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from orders_pipeline.base.model import OrderStatus, Window
from orders_pipeline.figures.kpis.warehouse.published_parts import part_file
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.store.engine import reading
from orders_pipeline.verify import figure_checks
from orders_pipeline.verify.figure_checks import check_figures, recomputed_days
from tests.figures import open_home
from tests.integration.figures.test_kpis import sample
from tests.made_up.builders import StoredOrder, store_orders
from tests.services import free_port

Damage = Callable[[PublishedFigures], object]


@pytest.fixture
def home(store_url: str, tmp_path: Path, redis_url: str) -> Iterator[PublishedFigures]:
    """The sample and a few more orders, published, on each kind of order store."""
    with open_home(store_url, redis_url, tmp_path / "warehouse") as figures:
        store_orders(figures.engine, [*sample(), *others()])
        figures.refresh_dirty_days()
        figures.publish_batch(Window(1, 100))
        figures.kpis.daily_kpis(date(2025, 1, 1), "USD")
        yield figures


def others() -> list[StoredOrder]:
    day, lines = date(2025, 11, 12), (("X", 2, 12_345), ("X", 1, 5), ("Y", 1, 70_000))
    statuses = (OrderStatus.COMPLETED, OrderStatus.FAILED, OrderStatus.ROLLBACK, OrderStatus.PENDING)
    return [
        StoredOrder(
            number=f"{currency}-{status}",
            day=day,
            lines=lines,
            status=status,
            currency=currency,
            customer_id="a",
        )
        for status in statuses
        for currency in ("KWD", "JPY")
    ]


def broken(home: PublishedFigures) -> list[str]:
    return [check.name for check in check_figures(home) if not check.ok]


def test_figures_of_some_days_are_those_of_all_days(home: PublishedFigures) -> None:
    with reading(home.engine) as connection:
        every = recomputed_days(connection)
        for day in {day for day, _ in every}:
            of_day = {key: figures for key, figures in every.items() if key[0] == day}
            assert recomputed_days(connection, [day]) == of_day
        days = sorted({day for day, _ in every})
        assert recomputed_days(connection, days) == every
        but_one = {key: figures for key, figures in every.items() if key[0] != days[0]}
        assert recomputed_days(connection, days[1:]) == but_one


def execute(statement: str) -> Damage:
    def damage(home: PublishedFigures) -> None:
        with home.engine.begin() as connection:
            connection.execute(text(statement))

    return damage


def test_all_hold_on_what_the_pipeline_wrote(home: PublishedFigures) -> None:
    assert broken(home) == []
    home.cache.client.flushall()
    assert broken(home) == []


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (execute("UPDATE orders SET total = total + 1 WHERE id = 1"), "daily_kpis_equal_a_recomputation"),
        (execute("UPDATE orders SET customer_id = NULL WHERE id = 2"), "daily_kpis_equal_a_recomputation"),
        (execute("UPDATE orders SET day = '2025-11-15' WHERE id = 3"), "daily_kpis_equal_a_recomputation"),
        (
            execute("UPDATE order_lines SET quantity = 99 WHERE order_id = 4"),
            "daily_kpis_equal_a_recomputation",
        ),
        (
            lambda home: home.cache.client.zincrby("leaderboard:customers:spending", 1, "501"),
            "leaderboards_equal_the_order_store",
        ),
        (
            lambda home: home.cache.client.set(
                "kpis:daily:2025-11-10",
                json.dumps(home.kpis.daily_kpis(date(2025, 11, 10), "USD") | {"order_count": 6}),
            ),
            "cached_kpis_are_the_published_ones",
        ),
    ],
)
def test_a_row_changed_by_hand_is_found(home: PublishedFigures, damage: Damage, found: str) -> None:
    damage(home)
    assert found in broken(home)


def test_a_check_that_cannot_run_fails_with_its_reason_and_the_others_go_on(home: PublishedFigures) -> None:
    file = part_file(home.folder, "daily_kpis", "2025")
    os.truncate(file, file.stat().st_size // 2)
    checks = {check.name: check for check in check_figures(home)}
    failed = checks["daily_kpis_equal_a_recomputation"]
    assert failed.detail.startswith("could not run: The published figures of 2025 are missing or damaged.")
    assert checks["leaderboards_equal_the_order_store"].ok
    assert len(checks) == 4


def test_a_score_that_redis_shows_a_moment_later_is_no_error(
    home: PublishedFigures, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = ("leaderboard:customers:spending", 1, "501")
    home.cache.client.zincrby(*score)
    client = home.cache.client
    # Another process publishes while the check waits.
    monkeypatch.setattr(figure_checks.time, "sleep", lambda _: client.zincrby(score[0], -1, score[2]))
    assert "leaderboards_equal_the_order_store" not in broken(home)


def test_days_that_are_due_for_a_refresh_are_no_error(home: PublishedFigures) -> None:
    store_orders(home.engine, [StoredOrder(number="late", day=date(2025, 11, 10), lines=(("X", 1, 1),))])
    assert "daily_kpis_equal_a_recomputation" not in broken(home)


def test_the_checks_work_while_redis_is_down(home: PublishedFigures) -> None:
    store_url = home.engine.url.render_as_string(hide_password=False)
    with open_home(store_url, f"redis://127.0.0.1:{free_port()}/0", home.folder) as down:
        assert broken(down) == []


def test_a_customers_first_purchase_on_a_day_that_is_due_is_no_fault_of_later_days(
    home: PublishedFigures,
) -> None:
    earlier = StoredOrder(number="late", day=date(2025, 11, 9), lines=(("X", 1, 10_000),), customer_id="501")
    store_orders(home.engine, [earlier])
    assert "daily_kpis_equal_a_recomputation" not in broken(home)
    home.refresh_dirty_days()
    assert "daily_kpis_equal_a_recomputation" not in broken(home)
