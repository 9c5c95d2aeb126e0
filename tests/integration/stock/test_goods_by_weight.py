"""Goods by weight, from the file to figures: stock, leaderboards and checks are exact on both stores."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.leaderboards.range_boards import ProductOrder
from orders_pipeline.figures.published_figures import open_figures
from orders_pipeline.imports.results.report import ImportReport
from orders_pipeline.stock.product_list import import_products, read_products, restock
from orders_pipeline.verify.figure_checks import check_figures
from tests.figures import expected, without_times
from tests.import_bench import ImportBench
from tests.unit.order_files.datasets import shared

DAY = date(2026, 3, 1)
PROFILE = """
[columns]
order_number = "order_id"
customer_id = "customer_id"
sku = "product_sku"
quantity = "quantity"
unit_price = "unit_price"
currency = "currency"
ordered_at = "order_date"

[quantity]
decimals = 3
"""
HEADER = "order_id,customer_id,product_sku,quantity,unit_price,currency,order_date"


@pytest.fixture
def scales(bench: ImportBench) -> str:
    file = bench.folder / "scales.toml"
    file.write_text(PROFILE)
    return str(file)


def settled(bench: ImportBench, file: Path, scales: str) -> ImportReport:
    return bench.settle(bench.stage(file, profile=scales))


def weights(bench: ImportBench, name: str, *rows: str) -> Path:
    file = bench.folder / name
    file.write_text("\n".join([HEADER, *rows, ""]))
    return file


def test_weights_are_reserved_sold_and_counted_exactly(
    bench: ImportBench, scales: str, redis_url: str
) -> None:
    report = settled(bench, shared("cases/weight_goods.csv"), scales)
    assert report.revenue == {"USD": "7.07"}
    stock = bench.settings.unknown_sku_stock
    assert bench.shelf()["APPLES"] == (stock - Decimal("1.75"), 0, Decimal("1.75"))
    assert bench.shelf()["BAG"] == (stock - 1, 0, 1)
    assert [units for units, *_ in bench.lines_of("1")] == [Decimal("0.5"), 1]
    warehouse = bench.settings.home / "warehouse"
    with open_figures(bench.engine, warehouse, redis_url, "USD", ZoneInfo("UTC")) as figures:
        figures.refresh_dirty_days()
        assert figures.kpis.daily_kpis(DAY, "USD")["units_sold"] == 2.75
        assert without_times(figures.kpis.daily_kpis(DAY, "USD")) == expected(bench.engine, DAY, DAY)
        figures.boards.rebuild_all(Board.PRODUCTS)
        places = figures.boards.top(Board.PRODUCTS, 10, "USD")
        units = {one["product_sku"]: one["total_quantity"] for one in places}
        assert units == {"APPLES": 1.75, "BAG": 1}
        assert isinstance(units["BAG"], int)
        assert figures.boards.client.zscore("leaderboard:products:sales", "APPLES") == 1.75
        ranged = figures.range_boards.products(DAY, DAY, 10, "USD", ProductOrder.UNITS)
        assert [one["total_quantity"] for one in ranged] == [1.75, 1]
        assert [check for check in check_figures(figures) if not check.ok] == []
    assert bench.broken_checks() == set()


def test_a_product_runs_out_to_the_gram(bench: ImportBench, scales: str) -> None:
    file = bench.folder / "products.csv"
    file.write_text("sku,name,price,stock_quantity\nTEA,Tea,1.00,1.250\n")
    with bench.engine.begin() as connection:
        import_products(connection, read_products(file))
    rows = ("1,c,TEA,0.250,1.00,USD,2026-03-01", "2,c,TEA,1.001,1.00,USD,2026-03-01")
    settled(bench, weights(bench, "first.csv", *rows), scales)
    assert bench.statuses() == {"1": "completed", "2": "failed"}
    with bench.engine.begin() as connection:
        assert restock(connection, "TEA", Decimal("0.001")) == Decimal("1.001")
    bench.retry("2")
    settled(bench, bench.folder / "first.csv", scales)
    assert bench.shelf()["TEA"] == (0, 0, Decimal("1.251"))
    assert bench.broken_checks() == set()


def test_the_same_weights_are_duplicates_and_others_a_conflict(bench: ImportBench, scales: str) -> None:
    row = "1,c,TEA,{},1.00,USD,2026-03-01"
    settled(bench, weights(bench, "first.csv", row.format("0.250")), scales)
    again = weights(bench, "again.csv", row.format("0.25"), "2,c,TEA,2,1.00,USD,2026-03-01")
    assert settled(bench, again, scales).orders == {"accepted": 1, "rejected": 0, "duplicate": 1}
    other = weights(bench, "other.csv", row.format("0.251"))
    assert settled(bench, other, scales).rejects_by_code == {"order_conflict": 1}
    assert bench.broken_checks() == set()
