"""Returns in files, from the file to totals, stock, figures and leaderboards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import select

from orders_pipeline.figures.published_figures import open_figures
from orders_pipeline.imports.results.report import ImportReport
from orders_pipeline.store.engine import reading
from orders_pipeline.store.kpi_days import dirty_days
from orders_pipeline.store.schema import customer_totals, product_totals, products
from tests.import_bench import ImportBench

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
SOLD, BACK = "2010-12-01 08:26:00", "2010-12-03 10:00:00"


def retail(bench: ImportBench, *lines: str, name: str = "retail.csv") -> Path:
    file = bench.folder / name
    file.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")
    return file


def line(
    number: str, quantity: int, sku: str = "MUG", price: str = "2.55", customer: str = "17850", at: str = BACK
) -> str:
    return f"{number},{sku},A {sku.lower()},{quantity},{at},{price},{customer},United Kingdom"


FILE = (
    line("536365", 6, at=SOLD),
    line("536365", 2, "CUP", at=SOLD),
    line("C536379", -2),
    line("C536379", -1, "CUP", "1.005"),
    line("C536383", -1, "POT", customer="", at=SOLD),
)


def settle(bench: ImportBench, *lines: str, name: str = "retail.csv", returns: str = "take") -> ImportReport:
    return bench.settle(bench.stage(retail(bench, *lines, name=name), returns=returns))


def stock(bench: ImportBench) -> dict[str, tuple[Any, ...]]:
    """Restocked units, and how many are on hand and sold, by SKU."""
    columns = (products.c.sku, products.c.restocked, products.c.on_hand, products.c.sold)
    with reading(bench.engine) as connection:
        return {sku: tuple(map(int, units)) for sku, *units in connection.execute(select(*columns))}


def test_returns_are_rejected_unless_they_are_asked_for(bench: ImportBench) -> None:
    report = bench.settle(bench.stage(retail(bench, *FILE)))
    assert report.rejects_by_code == {"quantity_not_positive": 3}
    assert (report.returns, report.orders["rejected"], bench.rows("returns")) == (0, 2, [])
    assert bench.broken_checks() == set()


def test_returns_stand_alone_and_take_from_totals_stock_and_days(bench: ImportBench) -> None:
    bench.set(unknown_sku_stock=100)
    foreseen = bench.dry_run(retail(bench, *FILE), returns="take")
    report = settle(bench, *FILE)
    assert (report.records, report.accepted_lines, report.returns) == (5, 5, 2)
    assert report.orders == {"accepted": 1, "rejected": 0, "duplicate": 0}
    assert (foreseen.accepted_lines, foreseen.returns, foreseen.orders) == (5, 2, report.orders)
    with reading(bench.engine) as connection:
        spent = select(customer_totals.c.customer_id, customer_totals.c.spent, customer_totals.c.refunded)
        assert connection.execute(spent).all() == [("17850", 2_040, 611)]
        sold = select(products.c.sku, product_totals.c.units, product_totals.c.units_returned)
        units = {
            row.sku: (int(row.units), int(row.units_returned))
            for row in connection.execute(sold.join(products))
        }
    assert units == {"MUG": (6, 2), "CUP": (2, 1), "POT": (0, 1)}
    assert stock(bench) == {"MUG": (2, 96, 6), "CUP": (1, 99, 2), "POT": (1, 101, 0)}
    assert dirty_days(bench.engine) == [date(2010, 12, 1), date(2010, 12, 3)]
    assert bench.broken_checks() == set()


def test_the_same_returns_again_are_duplicates_and_changed_ones_are_rejected(bench: ImportBench) -> None:
    settle(bench, *FILE)
    before = bench.rows("customer_totals"), bench.rows("product_totals"), stock(bench)
    again = (*FILE[:2], line("C536379", -3), FILE[3], FILE[4])
    foreseen = bench.dry_run(retail(bench, *again, name="again.csv"), returns="take")
    report = settle(bench, *again, name="again.csv")
    assert report.orders == {"accepted": 0, "rejected": 1, "duplicate": 2}
    assert (report.returns, report.accepted_lines, report.duplicate_lines) == (0, 0, 3)
    assert (report.lines_of_rejected_orders, report.rejects_by_code) == (2, {"order_conflict": 1})
    assert (foreseen.orders, foreseen.rejects_by_code) == (report.orders, report.rejects_by_code)
    assert (foreseen.duplicate_lines, foreseen.lines_of_rejected_orders) == (3, 2)
    assert (bench.rows("customer_totals"), bench.rows("product_totals"), stock(bench)) == before
    assert bench.broken_checks() == set()


def test_the_same_file_again_is_all_duplicates(lone_bench: ImportBench) -> None:
    settle(lone_bench, *FILE)
    report = lone_bench.dry_run(retail(lone_bench, *FILE), returns="take")
    assert (report.duplicate_lines, report.orders["duplicate"], report.returns) == (5, 3, 0)


def test_taking_returns_makes_another_partition(lone_bench: ImportBench) -> None:
    file = retail(lone_bench, *FILE)
    assert lone_bench.stage(file) != lone_bench.stage(file, returns="take")
    lone_bench.settle(lone_bench.stage(file))
    report = lone_bench.settle(lone_bench.stage(file, returns="take"))
    assert (report.returns, report.duplicate_lines, report.accepted_lines) == (2, 2, 3)
    assert lone_bench.broken_checks() == set()


def test_a_file_of_returns_alone_is_imported(bench: ImportBench) -> None:
    report = settle(bench, *FILE[2:])
    assert (report.returns, report.accepted_lines, report.statuses["completed"]) == (2, 3, 0)
    assert bench.broken_checks() == set()


def test_a_return_of_an_unlisted_product_is_rejected_and_comes_back(bench: ImportBench) -> None:
    bench.reject_unknown_products()
    bench.stock(MUG=5)
    foreseen = bench.dry_run(retail(bench, *FILE[2:]), returns="take")
    report = settle(bench, *FILE[2:])
    assert (foreseen.rejects_by_code, foreseen.returns) == (report.rejects_by_code, 0)
    assert (foreseen.orders, foreseen.lines_of_rejected_orders) == (report.orders, 3)
    assert report.rejects_by_code == {"return_of_unknown_product": 2}
    assert (report.returns, report.orders["rejected"], report.lines_of_rejected_orders) == (0, 2, 3)
    bench.stock(CUP=5, POT=5)
    export = bench.folder / "fix.csv"
    export.write_bytes(bench.exported(bench.keys()["retail.csv"]))
    corrected = bench.settle(bench.stage(export))
    assert (corrected.returns, corrected.rejects_by_code) == (2, {})
    assert bench.broken_checks() == set()


def test_two_imports_of_the_same_returns_at_once_store_them_once(bench: ImportBench) -> None:
    for name in ("one.csv", "two.csv"):
        bench.stage(retail(bench, *FILE, line(name, 1), name=name), returns="take")
    keys = bench.keys()

    def settled(name: str) -> Callable[[ImportBench], object]:
        return lambda own: own.settle(keys[name])

    bench.race(settled("one.csv"), settled("two.csv"))
    assert len(bench.rows("returns")) == 2
    assert bench.broken_checks() == set()


def test_a_real_file_comes_out_net_day_by_day(
    lone_bench: ImportBench, datasets: Path, redis_url: str
) -> None:
    file = datasets / "online_retail/online-retail-latin1-ddmmyyyy-truncated-39k.csv"
    report = lone_bench.settle(lone_bench.stage(file, returns="take"))
    settings = lone_bench.settings
    with open_figures(
        lone_bench.engine, settings.warehouse, redis_url, settings.currency, settings.zone
    ) as figures:
        figures.refresh_dirty_days()
        shown = {day: figures.kpis.daily_kpis(day, "USD") for day in counted_days(file)}
    assert report.returns == sum(back for _, _, back in counted_days(file).values())
    assert {
        day: (round(kpis["total_revenue"] * 100), round(kpis["net_revenue"] * 100), kpis["refund_count"])
        for day, kpis in shown.items()
    } == counted_days(file)
    assert lone_bench.broken_checks() == set()


def counted_days(file: Path) -> dict[date, tuple[int, int, int]]:
    """Gross and net revenue in cents, and the number of returns, by day, counted without the pipeline.

    An invoice counts if all its lines have a product, a price, and a quantity of the right sign.
    """
    text = file.read_bytes().decode("latin-1").encode()
    lines = pl.read_csv(text, infer_schema=False, truncate_ragged_lines=True)
    returned = pl.col("InvoiceNo").str.starts_with("C")
    units = pl.col("Quantity").cast(pl.Int64) * pl.when(returned).then(-1).otherwise(1)
    price = (pl.col("UnitPrice").cast(pl.Float64) * 10_000).round().cast(pl.Int64)
    invoices = lines.group_by("InvoiceNo").agg(
        returned=returned.first(),
        good=((units > 0) & (price > 0)).fill_null(value=False).all(),
        day=pl.col("InvoiceDate").str.to_date("%d/%m/%Y %H:%M").first(),
        cents=((units * price).sum() * 2 + 100) // 200,
    )
    by_day = (
        invoices.filter("good")
        .group_by("day")
        .agg(
            gross=pl.col("cents").filter(~pl.col("returned")).sum(),
            back=pl.col("cents").filter("returned").sum(),
            returns=pl.col("returned").sum(),
        )
    )
    return {day: (gross, gross - back, returns) for day, gross, back, returns in by_day.iter_rows()}
