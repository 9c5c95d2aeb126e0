"""Every row of the table of expected results, through the whole import in one process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from orders_pipeline.imports.results.report import ImportReport
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import customer_totals, orders, product_totals, products
from tests.import_bench import ImportBench

PRICE, QUANTITY = "price_not_positive", "quantity_not_positive"


@dataclass(frozen=True, slots=True)
class Golden:
    """A row of the table."""

    file: str
    profile: str
    records: int
    bad: dict[str, int]
    lost: int
    orders: int
    revenue: str
    days: int


GOLDEN = [
    Golden("seed/sample.csv", "default", 10, {}, 0, 10, "1065.43", 2),
    Golden(
        "online_retail/by-day/2010-12-01.csv",
        "online_retail",
        3_108,
        {PRICE: 9, QUANTITY: 27},
        0,
        127,
        "58960.79",
        1,
    ),
    Golden(
        "online_retail/online-retail-original-mdyy-crlf-1k.csv",
        "online_retail",
        999,
        {PRICE: 1, QUANTITY: 10},
        0,
        61,
        "24702.88",
        1,
    ),
    Golden(
        "superstore/superstore-cp1252-crlf-mdyyyy.csv", "superstore", 9_994, {}, 0, 5_009, "2297201.13", 1_237
    ),
    Golden(
        "monthly_sales/Sales_January_2019.csv",
        "monthly_sales",
        9_723,
        {"blank_line": 26, "repeated_header": 16},
        0,
        9_268,
        "1815335.12",
        32,
    ),
    Golden(
        "classicmodels/sales_data_sample-cp437-crlf.csv",
        "classicmodels",
        2_823,
        {},
        0,
        307,
        "10032628.85",
        252,
    ),
]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.file.rpartition("/")[2])
def test_a_real_file_is_settled_to_the_cent(bench: ImportBench, datasets: Path, golden: Golden) -> None:
    key = bench.stage(datasets / golden.file)
    report = bench.settle(key)
    rejected = sum(golden.bad.values())
    assert (report.profile, report.records) == (golden.profile, golden.records)
    assert report.rejects_by_code == golden.bad
    assert (report.rejected_lines, report.lines_of_rejected_orders) == (rejected, golden.lost)
    assert report.accepted_lines == golden.records - rejected - golden.lost
    assert report.duplicate_lines == 0
    assert report.orders["accepted"] == golden.orders
    assert report.statuses == {"completed": golden.orders, "rollback": 0, "failed": 0}
    assert report.revenue == {"USD": golden.revenue}
    assert days_of(bench) == golden.days
    assert bench.broken_checks() == set()


@pytest.mark.parametrize("golden", GOLDEN[:3], ids=lambda golden: golden.file.rpartition("/")[2])
def test_a_real_file_in_many_small_batches_has_the_same_result(
    lone_bench: ImportBench, datasets: Path, golden: Golden
) -> None:
    lone_bench.set(batch_lines=50, transaction_orders=7)
    report = lone_bench.settle(lone_bench.stage(datasets / golden.file))
    assert report.revenue == {"USD": golden.revenue}
    assert report.statuses["completed"] == golden.orders
    assert lone_bench.broken_checks() == set()


def days_of(bench: ImportBench) -> int:
    with reading(bench.engine) as connection:
        return connection.execute(select(func.count(orders.c.day.distinct()))).scalar_one()


@dataclass(frozen=True, slots=True)
class Daily:
    """The results of the eight daily files, imported one after the other into one home."""

    bench: ImportBench
    reports: list[ImportReport]


@pytest.fixture(scope="module")
def daily(datasets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daily]:
    folder = tmp_path_factory.mktemp("daily")
    engine = open_engine(f"sqlite:///{folder / 'orders.db'}")
    bench = ImportBench.at(engine, folder)
    files = sorted((datasets / "online_retail/by-day").glob("*.csv"))
    yield Daily(bench, [bench.settle(bench.stage(file)) for file in files])
    engine.dispose()


def test_the_eight_daily_files_come_out_to_the_cent(daily: Daily) -> None:
    reports = daily.reports
    assert len(reports) == 8
    assert sum(report.records for report in reports) == 22_523
    assert sum(report.rejects_by_code[QUANTITY] for report in reports) == 393
    assert sum(report.rejects_by_code[PRICE] for report in reports) == 114
    assert sum(report.lines_of_rejected_orders for report in reports) == 816
    assert sum(report.statuses["completed"] for report in reports) == 830
    assert sum(Decimal(report.revenue["USD"]) for report in reports) == Decimal("418832.57")
    assert days_of(daily.bench) == 8
    assert daily.bench.broken_checks() == set()


def test_the_four_orders_of_the_lost_lines_are_rejected_whole(daily: Daily) -> None:
    lost = {row[3] for row in daily.bench.rows("rejects") if row[5] == "order_rejected"}
    assert len(lost) == 4
    assert lost.isdisjoint(daily.bench.statuses())


def test_the_same_file_again_under_another_name_is_all_duplicates(
    lone_bench: ImportBench, datasets: Path
) -> None:
    sample = datasets / "seed/sample.csv"
    lone_bench.settle(lone_bench.stage(sample))
    kept = ("orders", "order_lines", "products", "payments", "customer_totals", "product_totals", "kpi_days")
    before = {table: lone_bench.rows(table) for table in kept}
    copy = lone_bench.folder / "copy.csv"
    copy.write_bytes(sample.read_bytes())
    report = lone_bench.settle(lone_bench.stage(copy))
    assert (report.records, report.duplicate_lines, report.accepted_lines) == (10, 10, 0)
    assert report.orders == {"accepted": 0, "rejected": 0, "duplicate": 10}
    assert {table: lone_bench.rows(table) for table in kept} == before


def test_an_order_of_the_sample_that_comes_back_changed_is_a_conflict(
    lone_bench: ImportBench, datasets: Path
) -> None:
    lone_bench.settle(lone_bench.stage(datasets / "seed/sample.csv"))
    changed = lone_bench.folder / "changed.csv"
    header, *lines = (datasets / "seed/sample.csv").read_text().splitlines()
    changed.write_text("\n".join([header, lines[0].replace(",2,25.50,", ",3,25.50,"), lines[1], ""]))
    report = lone_bench.settle(lone_bench.stage(changed))
    assert report.rejects_by_code == {"order_conflict": 1}
    assert report.orders == {"accepted": 0, "rejected": 1, "duplicate": 1}
    assert (report.lines_of_rejected_orders, report.duplicate_lines) == (1, 1)
    assert lone_bench.lines_of("1001") == [(2, 510_000, 2)]
    assert lone_bench.broken_checks() == set()


def test_the_samples_customers_and_products_have_their_known_totals(
    lone_bench: ImportBench, datasets: Path
) -> None:
    lone_bench.settle(lone_bench.stage(datasets / "seed/sample.csv"))
    total = customer_totals.c
    columns = (total.customer_id, total.currency, total.orders, total.spent)
    customers = select(*columns).order_by(total.spent.desc()).limit(4)
    names = select(products.c.sku, product_totals.c.units, product_totals.c.revenue).join(products)
    with reading(lone_bench.engine) as connection:
        assert [tuple(row) for row in connection.execute(customers)] == [
            ("505", "USD", 1, 25_998),
            ("501", "USD", 2, 25_000),
            ("503", "USD", 2, 22_499),
            ("507", "USD", 1, 9_998),
        ]
        sold = {sku: (units, revenue) for sku, units, revenue in connection.execute(names)}
    assert sold["SKU-002"] == (8, 1_200_000)
    assert sold["SKU-001"] == (3, 765_000)
    assert sold["SKU-004"] == (3, 1_499_700)
    assert sold["SKU-005"] == (2, 2_599_800)
