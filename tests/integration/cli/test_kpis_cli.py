"""`orders kpis` and `orders leaderboard` on a home without running processes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.commands import kpis, leaderboard
from cli.main import app
from orders_pipeline.base.settings import load_settings
from orders_pipeline.figures.kpis.warehouse.published_parts import part_file
from orders_pipeline.figures.published_figures import PublishedFigures
from tests.figures import open_home
from tests.integration.figures.test_kpis import sample
from tests.made_up.builders import store_orders


@pytest.fixture
def home(redis_url: str) -> Iterator[PublishedFigures]:
    """The sample's orders, published; the commands find no Redis."""
    settings = load_settings()
    with open_home(settings.store_url, redis_url, settings.warehouse) as figures:
        store_orders(figures.engine, sample())
        figures.refresh_dirty_days()
        yield figures


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    kpis.register(app)
    leaderboard.register(app)
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout


def document(*arguments: str) -> Any:
    code, printed = run(*arguments, "--json")
    assert code == 0
    return json.loads(printed)


@pytest.mark.usefixtures("home")
def test_json_is_what_readers_of_the_core_get() -> None:
    daily = document("kpis", "daily", "--date", "2025-11-10")
    assert (daily["date"], daily["total_revenue"], daily["order_count"]) == ("2025-11-10", 485.96, 5)
    both = document("kpis", "range", "--start", "2025-11-10", "--end", "2025-11-11")
    assert (both["total_revenue"], both["average_order_value"], both["unique_customers"]) == (
        1065.43,
        106.54,
        8,
    )
    assert document("kpis", "daily", "--date", "2025-11-10", "--currency", "eur")["order_count"] == 0
    customers = document("leaderboard", "customers", "--limit", "3")
    assert [(row["customer_id"], row["total_spent"], row["order_count"]) for row in customers] == [
        ("505", 259.98, 1),
        ("501", 250.00, 2),
        ("503", 224.99, 2),
    ]
    products = document("leaderboard", "products", "--limit", "2")
    assert [(row["product_sku"], row["total_quantity"], row["total_revenue"]) for row in products] == [
        ("SKU-002", 8, 120.00),
        ("SKU-001", 3, 76.50),
    ]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("kpis", "daily", "--date", "2025-11-10"), "485.96"),
        (("kpis", "range", "--start", "2025-11-10", "--end", "2025-11-11"), "1,065.43"),
        (("leaderboard", "customers"), "259.98"),
        (("leaderboard", "products"), "SKU-002"),
        (("leaderboard", "products", "--currency", "EUR"), "No completed orders in EUR"),
    ],
)
def test_pages_show_the_same_figures(arguments: tuple[str, ...], shown: str) -> None:
    code, printed = run(*arguments)
    assert code == 0
    assert shown in printed


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("daily", "--date", "2025-11-10", "--currency", "EUR"), True),
        (("range", "--start", "2025-11-10", "--end", "2025-11-11", "--currency", "EUR"), True),
        (("daily", "--date", "2025-11-10"), False),
        (("daily", "--date", "2025-11-12", "--currency", "EUR"), False),
    ],
)
def test_where_only_other_currencies_have_figures_they_are_named(
    arguments: tuple[str, ...], named: bool
) -> None:
    done = CliRunner().invoke(app, ["kpis", *arguments, "--json"])
    assert json.loads(done.stdout)["order_count"] == (5 if "EUR" not in arguments else 0)
    assert ("There are no figures in EUR. Try --currency USD." in done.stderr) is named


def test_figures_in_other_currencies_are_named_beside_the_own(home: PublishedFigures) -> None:
    abroad = replace(sample()[0], number="abroad", currency="EUR")
    store_orders(home.engine, [abroad])
    home.refresh_dirty_days()
    done = CliRunner().invoke(app, ["kpis", "range", "--start", "2025-11-10", "--end", "2025-11-11"])
    assert "There are figures in other currencies, too: --currency EUR." in done.stderr


def test_a_home_without_orders_shows_zeros_and_empty_boards() -> None:
    assert document("kpis", "daily")["order_count"] == 0
    assert document("leaderboard", "customers") == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("kpis", "range", "--start", "2025-11-11", "--end", "2025-11-10"), "bad_range"),
        (("kpis", "daily", "--currency", "XXX"), "unknown_currency"),
    ],
)
def test_refusals_have_a_code_and_words(arguments: tuple[str, ...], code: str) -> None:
    status, printed = run(*arguments, "--json")
    assert status == 1
    assert json.loads(printed)["error"]["code"] == code


def test_lost_figures_are_named_and_a_rebuild_brings_them_back(
    home: PublishedFigures, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = ("kpis", "range", "--start", "2025-11-10", "--end", "2025-11-11", "--json")
    cut = part_file(home.folder, "customer_sales_by_day", "2025-11")
    os.truncate(cut, cut.stat().st_size - 100)
    status, printed = run(*both)
    assert (status, json.loads(printed)["error"]["code"]) == (1, "figures_lost")
    assert "`orders kpis rebuild`" in json.loads(printed)["error"]["message"]
    monkeypatch.setenv("ORDERS_REDIS_URL", redis_url)
    assert document("kpis", "rebuild") == {"days": 2}
    assert json.loads(run(*both)[1])["unique_customers"] == 8


@pytest.mark.parametrize(
    "arguments", [("kpis", "daily", "--date", "10.11.2025"), ("leaderboard", "customers", "--limit", "0")]
)
def test_wrong_usage_ends_with_code_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments)[0] == 2
