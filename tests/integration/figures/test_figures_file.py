"""`figures.duckdb`: whenever a tool opens it, its content equals the figures and the orders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import update

from orders_pipeline.base.model import ImportStatus
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.figures.tables.definitions import TABLES
from orders_pipeline.figures.tables.figures_file import figures_file
from orders_pipeline.store.schema import imports
from orders_pipeline.verify.figures_file_check import check_figures_file
from tests.figures import open_home
from tests.made_up.builders import ROLLBACK, retry, store_orders
from tests.made_up.four_currencies import DECEMBER, order, store_shop
from tests.tool_numbers import assert_says_what_the_api_says


@pytest.fixture
def home(store_url: str, redis_url: str, tmp_path: Path) -> Iterator[PublishedFigures]:
    """Sales, failures and money back in four currencies."""
    with open_home(store_url, redis_url, tmp_path / "warehouse") as figures:
        store_shop(figures.engine)
        publish(figures)
        yield figures


def publish(home: PublishedFigures) -> None:
    home.refresh_dirty_days()
    home.update_tables()


def opened(home: PublishedFigures) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(figures_file(home.folder)), read_only=True)


def ask(home: PublishedFigures, query: str, *values: Any) -> list[Any]:
    with opened(home) as connection:
        return connection.execute(query, values).fetchall()


def assert_the_file_says_what_the_api_says(home: PublishedFigures) -> None:
    with opened(home) as connection:
        assert_says_what_the_api_says(home, lambda query: connection.execute(query).fetchall())


def test_other_tools_read_what_the_api_says(home: PublishedFigures) -> None:
    assert_the_file_says_what_the_api_says(home)
    failed = "SELECT number, failure_reason, decline_reason, short_sku FROM orders WHERE failure_reason <> ''"
    assert sorted(ask(home, failed)) == [
        ("10", "declined", "insufficient_funds", None),
        ("7", "declined", "refused", None),
        ("8", "out_of_stock", None, "Y"),
    ]
    names = "SELECT product_name, total_quantity FROM product_leaderboard WHERE currency = 'JPY'"
    assert ask(home, names) == [("Product X", 1)]


def test_every_table_has_the_columns_of_the_data_dictionary(home: PublishedFigures) -> None:
    columns = (
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_name = ? AND table_schema = 'main' ORDER BY ordinal_position"
    )
    with opened(home) as connection:
        for table in TABLES:
            expected = [(column.name, column.kind.sql_type.replace(", ", ",")) for column in table.columns]
            assert connection.execute(columns, [table.name]).fetchall() == expected, table.name


def test_only_days_that_changed_are_replaced_and_the_rest_stays(home: PublishedFigures) -> None:
    before = figures_file(home.folder).stat().st_ino
    assert not home.file_is_due()
    home.update_tables()
    assert figures_file(home.folder).stat().st_ino == before
    [late] = store_orders(home.engine, [order("late", DECEMBER, status=ROLLBACK)])
    publish(home)
    assert_the_file_says_what_the_api_says(home)
    retry(home.engine, late, late.status.COMPLETED)
    with opened(home) as held:
        publish(home)
        assert held.execute("SELECT status FROM orders WHERE number = 'late'").fetchall() == [("rollback",)]
    assert ask(home, "SELECT status, attempts FROM orders WHERE number = 'late'") == [("completed", 2)]
    assert_the_file_says_what_the_api_says(home)
    assert ask(home, "SELECT count(*), count(DISTINCT order_id) FROM orders") == [(11, 11)]


def test_while_imports_run_the_file_may_be_some_minutes_old(home: PublishedFigures) -> None:
    store_orders(home.engine, [order("late")])
    with home.engine.begin() as connection:
        connection.execute(update(imports).values(status=ImportStatus.RUNNING))
    home.refresh_dirty_days()
    assert not home.file_is_due()
    with home.engine.begin() as connection:
        connection.execute(update(imports).values(status=ImportStatus.FINISHED))
    assert home.file_is_due()


def change(statement: str) -> Callable[[Path], object]:
    """Changes a row of the file."""

    def apply(file: Path) -> None:
        file.chmod(0o644)
        with duckdb.connect(str(file)) as connection:
            connection.execute(statement)

    return apply


def flip_bits(file: Path) -> None:
    file.chmod(0o644)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (Path.unlink, "missing figures.duckdb"),
    (lambda file: os.truncate(file, 5_000), "damaged figures.duckdb"),
    (flip_bits, "damaged figures.duckdb"),
    (change("UPDATE daily_kpis SET total_revenue = total_revenue + 1"), "table daily_kpis"),
    (change("DELETE FROM customer_sales_by_day WHERE currency = 'JPY'"), "table customer_sales_by_day"),
    (change("UPDATE orders SET total = total + 1 WHERE status = 'completed'"), "table orders"),
    (change("DELETE FROM refunds"), "table refunds"),
]


def test_verify_finds_a_damaged_file_and_a_rebuild_mends_it(home: PublishedFigures) -> None:
    assert check_figures_file(home).ok
    for damage, detail in DAMAGES:
        damage(figures_file(home.folder))
        check = check_figures_file(home)
        assert not check.ok, detail
        assert detail in check.detail
        assert "remedy `orders kpis rebuild`" in check.detail
        home.rebuild()
        home.update_tables()
        assert check_figures_file(home).ok
    assert_the_file_says_what_the_api_says(home)


def test_verify_waits_for_a_file_that_is_brought_up_to_date_later(home: PublishedFigures) -> None:
    store_orders(home.engine, [order("late")])
    with home.engine.begin() as connection:
        connection.execute(update(imports).values(status=ImportStatus.RUNNING))
    home.refresh_dirty_days()
    assert check_figures_file(home).ok


@pytest.mark.parametrize("lost", ["removed", "cut", "another store's"])
def test_a_lost_file_is_made_again(home: PublishedFigures, lost: str) -> None:
    file = figures_file(home.folder)
    if lost == "removed":
        file.unlink()
    elif lost == "cut":
        os.truncate(file, 5_000)
        store_orders(home.engine, [order("late")])
    else:
        (home.folder / "figures.json").write_text("{}")
    publish(home)
    assert_the_file_says_what_the_api_says(home)
    assert oct(file.stat().st_mode)[-3:] == "444"
    assert not (home.folder / "figures-scratch").exists()


def test_days_that_are_computed_again_with_the_same_figures_do_not_make_the_file_wrong(
    home: PublishedFigures,
) -> None:
    home.refresh_days([DECEMBER])
    assert not home.file_is_due()
    assert check_figures_file(home).ok
