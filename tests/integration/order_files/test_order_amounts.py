"""Orders with discounts, shipping and payments made elsewhere, from file to settlement, on both stores."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Column, select, text

from orders_pipeline.base.model import AmountKind
from orders_pipeline.figures.kpis.kpi_documents import REVENUE_PARTS
from orders_pipeline.figures.published_figures import open_figures
from orders_pipeline.imports.results.report import ImportReport
from orders_pipeline.stock.product_list import restock
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import order_amounts, order_lines, orders, payments
from orders_pipeline.verify.figure_checks import check_figures
from tests.figures import expected, without_times
from tests.import_bench import ImportBench

PROFILE = """
[columns]
order_number = "order"
customer_id = "customer"
sku = "sku"
quantity = "quantity"
unit_price = "price"
ordered_at = "date"

[amounts]
discount = "off"
shipping = "post"
total = "sum"
line_discount = "line off"
line_level = "add"
tolerance = 1

[payment]
column = "state"
recorded = ["paid"]
partly = ["part"]
charge = ["open"]
reference = "ref"
outstanding = "due"
"""
HEADER = "order,customer,sku,quantity,price,date,off,post,sum,line off,state,ref,due"
ROWS = (
    "charged,c1,MUG,2,10.00,2025-11-10,3.00,4.00,20.01,1.00,open,,",
    "paid,c1,MUG,1,10.00,2025-11-10,,,10.00,,paid,ch_7,",
    "part,c2,MUG,1,10.00,2025-11-10,,,10.00,,part,,4.00",
    "free,c2,MUG,1,10.00,2025-11-10,10.00,,0.00,,open,,",
)


@pytest.fixture
def files(bench: ImportBench) -> Path:
    (bench.folder / "shop.toml").write_text(PROFILE)
    file = bench.folder / "orders.csv"
    file.write_text("\n".join([HEADER, *ROWS, ""]))
    return file


def settled(bench: ImportBench, file: Path) -> ImportReport:
    return bench.settle(bench.stage(file, profile=str(bench.folder / "shop.toml")))


def rows(bench: ImportBench, *columns: Column[Any]) -> list[tuple[Any, ...]]:
    query = (
        select(orders.c.number, *columns)
        .join(orders, columns[0].table.c.order_id == orders.c.id)
        .order_by(orders.c.id)
    )
    with reading(bench.engine) as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_each_order_is_charged_or_recorded_as_its_file_says(bench: ImportBench, files: Path) -> None:
    settled(bench, files)
    assert set(bench.statuses().values()) == {"completed"}
    paid = {row[0]: row[1:] for row in rows(bench, payments.c.amount, payments.c.method)}
    assert paid == {"charged": (2001, "gateway"), "paid": (1000, "recorded"), "part": (600, "recorded")}
    references = dict(rows(bench, payments.c.transaction_id))
    assert references["paid"] == "ch_7"
    assert references["part"] == "recorded:part"
    assert sorted(rows(bench, order_amounts.c.kind, order_amounts.c.amount)) == [
        ("charged", AmountKind.DISCOUNT, 30_000),
        ("charged", AmountKind.ROUNDING, 100),
        ("charged", AmountKind.SHIPPING, 40_000),
        ("free", AmountKind.DISCOUNT, 100_000),
    ]
    assert dict(rows(bench, order_lines.c.discount)) == {"charged": 10_000, "paid": 0, "part": 0, "free": 0}
    assert bench.broken_checks() == set()


def test_the_report_and_a_dry_run_have_the_sums_of_each_kind_of_amount(
    bench: ImportBench, files: Path
) -> None:
    sums = {"USD": {"discount": "14.00", "shipping": "4.00", "rounding": "0.01"}}
    dry = bench.dry_run(files, profile=str(bench.folder / "shop.toml"))
    assert dry.amounts == sums
    assert dry.revenue == {"USD": "40.01"}
    report = settled(bench, files)
    assert report.amounts == sums
    assert report.revenue == {"USD": "40.01"}
    assert report.warnings == []


def test_a_paid_order_without_stock_is_a_warning(bench: ImportBench, files: Path) -> None:
    bench.stock(MUG=2)
    report = settled(bench, files)
    assert report.statuses == {"completed": 1, "rollback": 0, "failed": 3}
    assert [(one["code"], one["count"]) for one in report.warnings] == [("paid_not_delivered", 2)]


def test_the_same_file_again_is_a_duplicate_and_a_paid_order_stays_as_it_is(
    bench: ImportBench, files: Path
) -> None:
    settled(bench, files)
    again = files.with_name("again.csv")
    again.write_text(files.read_text() + "new,c3,MUG,1,10.00,2025-11-10,1.00,,9.00,,paid,,\n")
    settled(bench, again)
    assert dict(rows(bench, payments.c.amount)) == {"charged": 2001, "paid": 1000, "part": 600, "new": 900}
    assert bench.broken_checks() == set()


def test_a_paid_order_that_ran_out_of_stock_is_retried_without_a_charge(
    bench: ImportBench, files: Path
) -> None:
    bench.stock(MUG=3)
    settled(bench, files)
    assert bench.statuses() == {
        "charged": "completed",
        "paid": "completed",
        "part": "failed",
        "free": "failed",
    }
    with bench.engine.begin() as connection:
        restock(connection, "MUG", 9)
    bench.retry("part", "free")
    key = next(iter(bench.keys().values()))
    bench.settle(key)
    assert set(bench.statuses().values()) == {"completed"}
    assert {row[0]: row[2] for row in rows(bench, payments.c.amount, payments.c.method)} == {
        "charged": "gateway",
        "paid": "recorded",
        "part": "recorded",
    }
    assert bench.broken_checks() == set()


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE order_amounts SET amount = amount + 100", "order_totals_are_sums_of_lines"),
        ("DELETE FROM order_amounts WHERE kind = 'shipping'", "order_totals_are_sums_of_lines"),
        ("UPDATE order_lines SET discount = discount + 100", "order_totals_are_sums_of_lines"),
        ("UPDATE recorded_payments SET paid = paid - 1", "recorded_payments_are_never_charged"),
        ("DELETE FROM recorded_payments", "recorded_payments_are_never_charged"),
        ("UPDATE payments SET method = 'gateway'", "recorded_payments_are_never_charged"),
        ("UPDATE payments SET method = 'recorded'", "recorded_payments_are_never_charged"),
        ("UPDATE payments SET amount = 1001 WHERE amount = 1000", "completed_orders_are_charged_once"),
    ],
)
def test_verify_finds_what_was_changed_by_hand(
    statement: str, check: str, bench: ImportBench, files: Path
) -> None:
    settled(bench, files)
    with bench.engine.begin() as connection:
        connection.execute(text(statement))
    assert check in bench.broken_checks()


def test_figures_say_what_the_revenue_is_made_of(bench: ImportBench, files: Path, redis_url: str) -> None:
    settled(bench, files)
    day = date(2025, 11, 10)
    with open_figures(bench.engine, bench.folder / "warehouse", redis_url, "USD", ZoneInfo("UTC")) as figures:
        figures.refresh_dirty_days()
        shown = figures.kpis.daily_kpis(day, "USD")
        assert without_times(shown) == expected(bench.engine, day, day)
        assert [check for check in check_figures(figures) if not check.ok] == []
        assert without_times(figures.kpis.range_kpis(day, day, "USD")) == expected(bench.engine, day, day)
    assert {name: shown[name] for name in ("total_revenue", "recorded_revenue")} == {
        "total_revenue": 40.01,
        "recorded_revenue": 20.0,
    }
    assert {name: shown[name] for name in REVENUE_PARTS if shown[name]} == {
        "gross_sales": 50.0,
        "discounts": 14.0,
        "shipping": 4.0,
        "rounding": 0.01,
    }
