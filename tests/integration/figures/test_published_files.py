"""The published files: any tool counts each figure once, and damaged files are written again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from duckdb import DuckDBPyConnection

from orders_pipeline.figures.kpis.warehouse import readers_copy
from orders_pipeline.figures.kpis.warehouse.published_parts import (
    LISTING,
    PartsLost,
    details_folder,
    part_file,
    period_of,
    published_folder,
)
from orders_pipeline.figures.kpis.warehouse.readers_copy import read_published
from orders_pipeline.figures.kpis.warehouse.warehouse import TABLES
from orders_pipeline.figures.kpis.warehouse.warehouse_folder import last_rebuild, warehouse_file
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.frames import Frames
from orders_pipeline.store.kpi_days import dirty_days
from orders_pipeline.verify.figure_checks import check_figures, check_published_files
from tests.figures import expected, open_home, without_times
from tests.made_up.builders import StoredOrder, store_orders

OCTOBER, MONDAY, TUESDAY, DECEMBER = (
    date(2025, 10, 30),
    date(2025, 11, 10),
    date(2025, 11, 11),
    date(2025, 12, 1),
)
DAYS = (OCTOBER, MONDAY, TUESDAY, DECEMBER)
NOVEMBER = "2025-11"
Damage = Callable[[Path], object]


@pytest.fixture
def home(tmp_path: Path, redis_url: str) -> Iterator[PublishedFigures]:
    """Orders of three months, published."""
    with open_home(f"sqlite:///{tmp_path / 'orders.db'}", redis_url, tmp_path / "warehouse") as figures:
        for number, day in enumerate(DAYS):
            store_orders(figures.engine, [order(f"{number}-{buyer}", day, f"c{buyer}") for buyer in range(9)])
        figures.refresh_dirty_days()
        yield figures


def order(number: str, day: date, customer: str = "c") -> StoredOrder:
    return StoredOrder(number=number, day=day, customer_id=customer, lines=(("X", 2, 123_400),))


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def garble(file: Path) -> None:
    """Overwrites the middle, as a failing disk does."""
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 3)
        opened.write(os.urandom(file.stat().st_size // 3))


def make_a_folder(file: Path) -> None:
    file.unlink()
    (file / "inside").mkdir(parents=True)


def of_part(damage: Damage, table: str = "daily_kpis") -> Damage:
    return lambda folder: damage(part_file(folder, table, period_of(table, NOVEMBER)))


DAMAGES: dict[str, Damage] = {
    "a removed file": of_part(Path.unlink),
    "a file cut short": of_part(cut),
    "an empty file": of_part(lambda file: os.truncate(file, 0)),
    "a folder in its place": of_part(make_a_folder),
    "a removed file of another table": of_part(Path.unlink, "customer_sales_by_day"),
    "a removed table": lambda folder: shutil.rmtree(details_folder(folder) / "product_sales_by_day"),
    "a removed listing": lambda folder: (folder / LISTING).unlink(),
    "a listing cut short": lambda folder: cut(folder / LISTING),
    "all published files removed": lambda folder: shutil.rmtree(published_folder(folder)),
    "all details removed": lambda folder: shutil.rmtree(details_folder(folder)),
    "the whole warehouse removed": shutil.rmtree,
}


def assert_right(home: PublishedFigures) -> None:
    assert dirty_days(home.engine) == []
    for start in DAYS:
        home.cache.client.flushall()
        shown = home.kpis.range_kpis(start, DECEMBER, "USD")
        assert without_times(shown) == expected(home.engine, start, DECEMBER)
    assert [check for check in check_figures(home) if not check.ok] == []


def test_any_tool_counts_each_figure_once(home: PublishedFigures) -> None:
    for number in range(3):
        store_orders(home.engine, [order(f"late-{number}", MONDAY)])
        home.refresh_dirty_days()
    whole = published_folder(home.folder)
    with duckdb.connect() as connection:
        [by_duckdb] = connection.execute(
            "SELECT sum(order_count), sum(refund_count) FROM read_parquet(?, union_by_name = true)",
            [f"{whole}/**/*.parquet"],
        ).fetchall()
    by_polars = [
        pl.scan_parquet(files).select(pl.col("order_count").sum(), pl.col("refund_count").sum()).collect()
        for files in (whole, f"{whole}/**/*.parquet")
    ]
    assert [by_duckdb] * 2 == [frame.row(0) for frame in by_polars] == [(39, 0)] * 2
    assert [file.name for file in whole.rglob("*.parquet")] == ["2025.parquet"]


def test_a_day_that_changes_replaces_the_files_of_its_period_alone(home: PublishedFigures) -> None:
    def inodes() -> dict[str, int]:
        found = home.folder.glob("*/*/*.parquet")
        return {f"{path.parent.name}/{path.stem}": path.stat().st_ino for path in found}

    before = inodes()
    store_orders(home.engine, [order("late", MONDAY)])
    home.refresh_dirty_days()
    after = inodes()
    assert before.keys() == after.keys()
    assert {name for name in after if after[name] != before[name]} == {
        f"{table}/{period_of(table, NOVEMBER)}" for table in TABLES
    }


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_lost_files_are_reported_and_made_again_by_the_next_refresh(
    home: PublishedFigures, damage: Damage
) -> None:
    damage(home.folder)
    home.cache.client.flushall()
    assert home.are_due()
    assert not check_published_files(home).ok
    with pytest.raises(PartsLost, match="orders kpis rebuild"):
        home.kpis.range_kpis(OCTOBER, DECEMBER, "USD")
    home.refresh_dirty_days()
    assert_right(home)
    assert not home.are_due()


def test_days_of_other_months_are_shown_while_a_file_is_lost(home: PublishedFigures) -> None:
    part_file(home.folder, "customer_sales_by_day", NOVEMBER).unlink()
    home.cache.client.flushall()
    assert home.kpis.daily_kpis(OCTOBER, "USD")["order_count"] == 9
    assert [day.day for day in home.refresh_dirty_days()] == [MONDAY, TUESDAY]


@pytest.mark.parametrize("table", TABLES)
def test_a_file_overwritten_in_the_middle_is_found_and_made_again(home: PublishedFigures, table: str) -> None:
    garble(part_file(home.folder, table, period_of(table, NOVEMBER)))
    home.cache.client.flushall()
    assert "published_files_are_whole" in [check.name for check in check_figures(home) if not check.ok]
    with suppress(PartsLost):
        home.kpis.range_kpis(OCTOBER, DECEMBER, "USD")
        # Damage that reads without an error is found only by a comparison, whose check names the remedy.
        home.rebuild()
    home.refresh_dirty_days()
    assert_right(home)


def test_a_notebook_gets_an_error_for_lost_files_instead_of_smaller_totals(home: PublishedFigures) -> None:
    frames = Frames(home.folder, "USD")
    assert len(frames.daily_kpis()) == len(DAYS)
    part_file(home.folder, "daily_kpis", "2025").unlink()
    with pytest.raises(PartsLost, match="2025"):
        frames.daily_kpis()


def test_no_table_is_replaced_before_all_are_exported(
    home: PublishedFigures, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    for name in ("_export", "_replace_part"):
        step = getattr(readers_copy, name)
        monkeypatch.setattr(
            readers_copy, name, lambda *given, name=name, step=step: (done.append(name), step(*given))
        )
    store_orders(home.engine, [order("late", MONDAY)])
    home.refresh_dirty_days()
    assert done[: 2 * len(TABLES)] == ["_export"] * len(TABLES) + ["_replace_part"] * len(TABLES)


def test_a_reader_whose_files_are_replaced_reads_again(home: PublishedFigures) -> None:
    asked = []

    def ask(connection: DuckDBPyConnection) -> tuple[Any, Any]:
        [(orders,)] = connection.execute("SELECT sum(order_count) FROM daily_kpis").fetchall()
        if not asked:
            store_orders(home.engine, [order("late", MONDAY)])
            home.refresh_dirty_days()
        asked.append(orders)
        [(sold,)] = connection.execute("SELECT sum(order_count) FROM customer_sales_by_day").fetchall()
        return orders, sold

    assert read_published(home.folder, OCTOBER, DECEMBER, ask) == (37, 37)
    assert asked == [36, 37]


WAREHOUSE_DAMAGES: dict[str, Damage] = {
    "cut short": cut,
    "overwritten in the middle": garble,
    "a folder": make_a_folder,
    "something else": lambda file: file.write_text("no database " * 1000),
    "missing": Path.unlink,
}


@pytest.mark.parametrize("damage", WAREHOUSE_DAMAGES.values(), ids=WAREHOUSE_DAMAGES.keys())
def test_a_damaged_warehouse_is_made_again_by_the_refresh_that_meets_it(
    home: PublishedFigures, damage: Damage, caplog: pytest.LogCaptureFixture
) -> None:
    damage(warehouse_file(home.folder))
    store_orders(home.engine, [order("late", MONDAY)])
    home.cache.client.flushall()
    assert home.kpis.range_kpis(OCTOBER, DECEMBER, "USD")["order_count"] == 36
    home.refresh_dirty_days()
    assert_right(home)
    assert "computed again from the order store" in caplog.text
    assert (rebuild := last_rebuild(home.folder))
    assert "warehouse" in rebuild.reason
    with duckdb.connect(str(warehouse_file(home.folder))) as warehouse:
        assert warehouse.execute("SELECT sum(order_count) FROM daily_kpis").fetchall() == [(37,)]


def test_one_day_refreshed_after_the_warehouse_was_lost_costs_its_year_no_other_day(
    home: PublishedFigures,
) -> None:
    warehouse_file(home.folder).unlink()
    home.refresh_days([MONDAY])
    home.cache.client.flushall()
    assert home.kpis.range_kpis(OCTOBER, DECEMBER, "USD")["order_count"] == 36
    home.refresh_dirty_days()
    assert_right(home)


def test_the_folder_of_version_0_1_0_gets_the_new_layout_with_the_next_refresh(
    home: PublishedFigures,
) -> None:
    shutil.rmtree(published_folder(home.folder))
    shutil.rmtree(details_folder(home.folder))
    (home.folder / LISTING).unlink()
    for day in DAYS:
        leave_version(home.folder, day, 1)
        leave_version(home.folder, day, 2)
    home.cache.client.flushall()
    with pytest.raises(PartsLost):
        home.kpis.range_kpis(OCTOBER, DECEMBER, "USD")
    home.refresh_dirty_days()
    assert_right(home)
    assert [path.name for path in published_folder(home.folder).iterdir()] == ["daily_kpis"]


def leave_version(folder: Path, day: date, version: int) -> None:
    """The version of a day as 0.1.0 published it."""
    target = published_folder(folder) / day.isoformat()[:7] / f"{day}.{version:09}"
    target.mkdir(parents=True)
    with duckdb.connect(str(warehouse_file(folder)), read_only=True) as warehouse:
        for table in TABLES:
            warehouse.execute(f"COPY (FROM {table} WHERE day = DATE '{day}') TO '{target}/{table}_0.parquet'")


def test_a_rebuild_computes_every_day_while_readers_have_the_old_figures(home: PublishedFigures) -> None:
    before = home.kpis.range_kpis(OCTOBER, DECEMBER, "USD")
    assert [day.day for day in home.rebuild()] == list(DAYS)
    home.cache.client.flushall()
    assert without_times(home.kpis.range_kpis(OCTOBER, DECEMBER, "USD")) == without_times(before)
    assert_right(home)


def test_a_listing_of_a_newer_layout_is_none_of_ours(home: PublishedFigures) -> None:
    file = home.folder / LISTING
    file.write_text(json.dumps(json.loads(file.read_text()) | {"version": 99}))
    assert home.are_due()
    home.refresh_dirty_days()
    assert_right(home)
