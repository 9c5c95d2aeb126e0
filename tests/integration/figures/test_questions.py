"""Analysts' questions: correct, and the same in `figures.duckdb` and PostgreSQL's schema."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from cli.main import app
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.figures.questions.questions import NAMES, answer, questions
from orders_pipeline.frames import Frames
from orders_pipeline.stock.product_list import ProductRow, import_products
from tests.figures import open_home
from tests.made_up.builders import COMPLETED, retry, store_orders
from tests.made_up.four_currencies import DECEMBER, OCTOBER, order, store_shop

Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def postgres_database(postgres_server: str) -> Iterator[str]:
    from tests.services import drop_database
    from tests.stores import create_migrated_database

    yield create_migrated_database(postgres_server, "questions")
    drop_database(postgres_server, "questions")


@pytest.fixture(scope="module")
def home(
    postgres_database: str, redis_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PublishedFigures]:
    """The shop in four currencies, with repeat customers; its product X has a category."""
    folder = tmp_path_factory.mktemp("questions") / "warehouse"
    with open_home(postgres_database, f"{redis_server}/3", folder) as figures:
        store_shop(figures.engine)
        [declined] = store_orders(figures.engine, [order("11", OCTOBER, status="rollback", detail="stolen")])
        retry(figures.engine, declined, COMPLETED)
        store_orders(figures.engine, [order("12", OCTOBER, currency="EUR")])
        with figures.engine.begin() as connection:
            import_products(connection, [ProductRow("X", "Product X", 1, Decimal(0), "Tools")])
        figures.refresh_dirty_days()
        figures.update_tables()
        yield figures


def asked(home: PublishedFigures, name: str, currency: str = "USD") -> Rows:
    return [tuple(map(_plain, row)) for row in answer(home.folder, questions()[name], currency).rows]


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


@pytest.mark.parametrize("name", NAMES)
def test_postgresql_gives_the_same_answer(home: PublishedFigures, name: str) -> None:
    by_duckdb = answer(home.folder, questions()[name])
    with home.engine.connect() as connection:
        connection.execute(text("SET search_path = figures"))
        result = connection.execute(text(questions()[name].sql))
        assert list(result.keys()) == by_duckdb.columns
        by_postgresql = [tuple(map(_plain, row)) for row in result]
    assert by_postgresql == [tuple(map(_plain, row)) for row in by_duckdb.rows]
    assert by_postgresql


def test_periods_and_customers(home: PublishedFigures) -> None:
    october, november, december = date(2025, 10, 1), date(2025, 11, 1), date(2025, 12, 1)
    assert [row[:5] for row in asked(home, "by_month")] == [
        (october, "USD", 2, 24.68, 0.0),
        (november, "USD", 2, 28.0, 0.0),
        (december, "USD", 1, 12.34, 6.5),
    ]
    assert [row[-1] for row in asked(home, "by_month")] == [None, 24.68, 28.0]
    # Nothing was sold in November.
    assert [(row[0], row[-1]) for row in asked(home, "by_month", "EUR")] == [
        (october, None),
        (december, None),
    ]
    assert [row[0] for row in asked(home, "by_week")] == [
        date(2025, 10, 27),
        date(2025, 11, 10),
        date(2025, 12, 1),
    ]
    # c1 bought three times in USD, c2 once.
    assert asked(home, "repeat_customers") == [("USD", 2, 1, 0.5, 0.75, 0.7256)]
    assert [row[:1] + row[2:5] for row in asked(home, "cohorts")] == [
        (october, 0, 1, 1),
        (october, 2, 1, 1),
        (november, 0, 1, 1),
    ]
    assert [row[:5] for row in asked(home, "rfm")] == [
        ("c1", "USD", 0, 3, 37.02),
        ("c2", "USD", (DECEMBER - date(2025, 11, 10)).days, 1, 10.0),
    ]


def test_baskets_and_categories(home: PublishedFigures) -> None:
    assert asked(home, "basket_size")[1] == (date(2025, 11, 1), "USD", 2, 2.0, 4.0, 14.0)
    assert asked(home, "bought_together") == [("USD", "Y", "X", 2, 1.0), ("USD", "X", "Y", 2, 0.4)]
    assert asked(home, "categories") == [
        (date(2025, 10, 1), "USD", "Tools", 4.0, 24.68),
        (date(2025, 11, 1), "USD", "(none)", 6.0, 18.0),
        (date(2025, 11, 1), "USD", "Tools", 2.0, 10.0),
        (date(2025, 12, 1), "USD", "Tools", 1.0, 8.34),
        (date(2025, 12, 1), "USD", "(none)", -1.0, -2.5),
    ]


def test_money_back_declines_and_stock_outs(home: PublishedFigures) -> None:
    assert asked(home, "refund_rate")[1] == (date(2025, 11, 1), "USD", 2, 1, 0.5, 28.0, 4.0, 0.1429)
    assert [row[1:5] for row in asked(home, "decline_reasons")] == [
        ("insufficient_funds", 1, 12.34, 0),
        ("refused", 1, 12.34, 0),
        ("stolen", 1, 12.34, 1),
    ]
    assert [row[1:5] for row in asked(home, "stock_outs")] == [("Y", "Product Y", 1, 12.34)]
    assert asked(home, "time_to_settle", "KWD") == [(date(2025, 12, 1), "KWD", "completed", 1, 1.0, 1.0)]


def test_the_command_and_the_notebook_give_these_answers(
    home: PublishedFigures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_HOME", str(home.folder.parent))
    run = CliRunner().invoke
    [row] = json.loads(run(app, ["report", "repeat_customers", "--currency", "usd", "--json"]).stdout)
    assert (row["customers"], row["share_of_orders"]) == (2, 0.75)
    printed = list(csv.DictReader(io.StringIO(run(app, ["report", "by_month", "--csv"]).stdout)))
    assert {line["currency"] for line in printed} == {"USD", "EUR", "JPY", "KWD"}
    assert "24.68" in run(app, ["report", "by_month"]).stdout
    assert len(json.loads(run(app, ["report", "--json"]).stdout)) == len(NAMES)
    assert Frames(home.folder, "USD").report("by_month").rows()[0][0] == date(2025, 10, 1)
    assert json.loads(run(app, ["report", "nothing", "--json"]).stdout)["error"]["code"] == "unknown_question"


def test_a_home_without_figures_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path))
    answer = json.loads(CliRunner().invoke(app, ["report", "rfm", "--json"]).stdout)
    assert answer["error"]["code"] == "no_figures"
