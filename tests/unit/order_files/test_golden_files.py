"""Every row of the table of expected results for the real files, to the cent."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tests.unit.order_files.datasets import dataset
from tests.unit.order_files.parsing import parse

PRICE, QUANTITY = "price_not_positive", "quantity_not_positive"

GOLDEN = [
    ("seed/sample.csv", "default", 10, {}, 0, 10, "1065.43", 2),
    (
        "online_retail/by-day/2010-12-01.csv",
        "online_retail",
        3108,
        {QUANTITY: 27, PRICE: 9},
        0,
        127,
        "58960.79",
        1,
    ),
    (
        "online_retail/online-retail-original-mdyy-crlf-1k.csv",
        "online_retail",
        999,
        {QUANTITY: 10, PRICE: 1},
        0,
        61,
        "24702.88",
        1,
    ),
    ("superstore/superstore-cp1252-crlf-mdyyyy.csv", "superstore", 9994, {}, 0, 5009, "2297201.13", 1237),
    (
        "monthly_sales/Sales_January_2019.csv",
        "monthly_sales",
        9723,
        {"blank_line": 26, "repeated_header": 16},
        0,
        9268,
        "1815335.12",
        32,
    ),
    ("classicmodels/sales_data_sample-cp437-crlf.csv", "classicmodels", 2823, {}, 0, 307, "10032628.85", 252),
]


@pytest.mark.parametrize(("name", "profile", "records", "codes", "lost", "orders", "revenue", "days"), GOLDEN)
def test_a_real_file_comes_out_to_the_cent(
    name: str,
    profile: str,
    records: int,
    codes: dict[str, int],
    lost: int,
    orders: int,
    revenue: str,
    days: int,
    tmp_path: Path,
) -> None:
    imported = parse(dataset(name), tmp_path / "parsed")
    assert imported.identified.profile.name == profile
    assert imported.parsed.records == records
    assert imported.parsed.rejects_by_code == codes
    assert imported.parsed.rejected_lines == sum(codes.values())
    assert imported.parsed.lines_of_rejected_orders == lost
    assert imported.orders.height == orders
    assert imported.revenue == Decimal(revenue)
    assert imported.orders["day"].n_unique() == days


def test_the_eight_daily_files_come_out_to_the_cent(tmp_path: Path) -> None:
    files = sorted(dataset("online_retail/by-day").glob("*.csv"))
    imported = [parse(file, tmp_path / file.stem) for file in files]
    assert len(files) == 8
    assert sum(i.parsed.records for i in imported) == 22_523
    assert sum(i.parsed.rejects_by_code[QUANTITY] for i in imported) == 393
    assert sum(i.parsed.rejects_by_code[PRICE] for i in imported) == 114
    assert sum(i.parsed.lines_of_rejected_orders for i in imported) == 816
    lost = [i.rejects.filter(pl.col("code") == "order_rejected")["order_number"].n_unique() for i in imported]
    assert sum(lost) == 4
    assert sum(i.orders.height for i in imported) == 830
    assert sum(i.revenue for i in imported) == Decimal("418832.57")
    assert pl.concat([i.orders for i in imported])["day"].n_unique() == 8


def test_the_sample_has_its_known_days_customers_and_products(tmp_path: Path) -> None:
    imported = parse(dataset("seed/sample.csv"), tmp_path / "parsed")
    by_day = imported.orders.group_by("day").agg(pl.col("total").sum(), pl.len()).sort("day")
    assert by_day.select("total", "len").rows() == [(48596, 5), (57947, 5)]
    spent = (
        imported.orders.group_by("customer_id")
        .agg(pl.col("total").sum(), pl.len())
        .sort("total", descending=True)
    )
    assert spent.head(4).rows() == [("505", 25998, 1), ("501", 25000, 2), ("503", 22499, 2), ("507", 9998, 1)]
    units = imported.lines.group_by("sku").agg(pl.col("quantity", "total").sum())
    assert {sku: (count, total) for sku, count, total in units.iter_rows()}["SKU-002"] == (8, 1_200_000)


def test_customer_ids_lose_the_decimals_that_pandas_gave_them(tmp_path: Path) -> None:
    imported = parse(dataset("online_retail/by-day/2010-12-01.csv"), tmp_path / "parsed")
    spent = imported.orders.group_by("customer_id").agg(pl.col("total").sum()).drop_nulls()
    assert spent.height == 95
    assert spent.sort("total", descending=True).head(2).rows() == [("13777", 658516), ("16029", 370212)]
