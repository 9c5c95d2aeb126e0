"""Exports of whole tables: the rows of the days and of the currency, in every format."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from cli.main import app
from orders_pipeline.exports.datasets import TABLES, Dataset, Wanted, export_rows
from orders_pipeline.figures.published_figures import open_figures
from tests.import_bench import ImportBench, Line
from tests.refund_bench import RefundBench, asked

NOVEMBER = Wanted(date(2025, 11, 1), date(2025, 11, 30))


@pytest.fixture
def shop(bench: ImportBench) -> ImportBench:
    bench.stock(MOUSE=100, CABLE=100, LAMP=0)
    bench.import_lines(
        Line("1", quantity=2, price="10.00", date="2025-11-10"),
        Line("1", "CABLE", price="2.5", date="2025-11-10"),
        Line("2", currency="JPY", price="500", date="2025-11-11"),
        Line("3", "LAMP", customer="", date="2025-11-11"),
        Line("4", customer="c9", date="2025-12-01"),
    )
    RefundBench(bench).refund(asked("1", amount="4.00"))
    return bench


def rows(shop: ImportBench, dataset: Dataset, *names: str, **wanted: Any) -> list[tuple[Any, ...]]:
    table = TABLES[dataset]
    places = [table.names.index(name) for name in names]
    chosen = Wanted(NOVEMBER.first, NOVEMBER.last, **wanted)
    found = export_rows(shop.engine, shop.settings.warehouse, dataset, chosen)
    return [tuple(row[at] for at in places) for row in found]


def test_each_table_has_the_rows_of_its_days(shop: ImportBench) -> None:
    assert rows(shop, Dataset.ORDERS, "number", "total", "currency", "refunded") == [
        ("3", Decimal("10.00"), "USD", Decimal("0.00")),
        ("2", Decimal(500), "JPY", Decimal(0)),
        ("1", Decimal("22.50"), "USD", Decimal("4.00")),
    ]
    assert rows(shop, Dataset.ORDER_LINES, "number", "line", "sku", "quantity", "total", "status") == [
        ("1", 1, "MOUSE", Decimal(2), Decimal(20), "completed"),
        ("1", 2, "CABLE", Decimal(1), Decimal("2.5"), "completed"),
        ("2", 1, "MOUSE", Decimal(1), Decimal(500), "completed"),
        ("3", 1, "LAMP", Decimal(1), Decimal(10), "failed"),
    ]
    assert rows(shop, Dataset.PAYMENTS, "number", "amount", "status", currency="USD") == [
        ("1", Decimal("22.50"), "succeeded")
    ]
    assert rows(shop, Dataset.CUSTOMERS, "customer_id", "currency", "total_spent", "refunded") == [
        ("c1", "JPY", Decimal(500), Decimal(0)),
        ("c1", "USD", Decimal("22.50"), Decimal("4.00")),
        ("c9", "USD", Decimal("10.00"), Decimal("0.00")),
    ]
    assert rows(shop, Dataset.PRODUCTS, "sku", "on_hand", "sold", "listed") == [
        ("CABLE", Decimal(99), Decimal(1), True),
        ("LAMP", Decimal(0), Decimal(0), True),
        ("MOUSE", Decimal(96), Decimal(4), True),
    ]
    everything = export_rows(shop.engine, shop.settings.warehouse, Dataset.REFUNDS, Wanted())
    (refund,) = everything
    row = dict(zip(TABLES[Dataset.REFUNDS].names, refund, strict=True))
    assert (row["number"], row["amount"], row["status"]) == ("1", Decimal("4.00"), "completed")


def test_daily_kpis_are_the_published_figures(lone_bench: ImportBench, redis_url: str) -> None:
    bench = lone_bench
    bench.import_lines(Line("1", date="2025-11-10"), Line("2", currency="KWD", price="1.234"))
    settings = bench.settings
    with open_figures(bench.engine, settings.warehouse, redis_url, "USD", settings.zone) as figures:
        figures.refresh_dirty_days()
    names = ("day", "currency", "total_revenue", "order_count", "units_sold")
    day = date(2025, 11, 10)
    assert rows(bench, Dataset.DAILY_KPIS, *names) == [
        (day, "KWD", Decimal("1.234"), 1, Decimal(1)),
        (day, "USD", Decimal("10.00"), 1, Decimal(1)),
    ]
    assert len(rows(bench, Dataset.DAILY_KPIS, "day", currency="USD")) == 1


def test_the_commands_write_files_whole_or_not_at_all(
    lone_bench: ImportBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = lone_bench.import_lines(Line("1"), Line("2")).partition
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ORDERS_DATABASE_URL", str(lone_bench.engine.url))
    run = CliRunner().invoke
    file = tmp_path / "orders.parquet"
    (tmp_path / "orders.parquet.part").symlink_to(tmp_path / "of_somebody")
    written = run(app, ["export", "orders", "--output", str(file), "--json"])
    assert not (tmp_path / "of_somebody").exists()
    assert json.loads(written.stdout) == {"file": str(file), "format": "parquet", "rows": 2}
    assert pl.read_parquet(file)["number"].to_list() == ["2", "1"]
    assert json.loads(run(app, ["export", "orders", "--output", str(file), "--json"]).stdout)["error"]
    listed = json.loads(run(app, ["list", "--limit", "1", "--json"]).stdout)
    after = json.loads(run(app, ["list", "--limit", "1", "--next", listed["next"], "--json"]).stdout)
    found = [document["orders"][0]["number"] for document in (listed, after)]
    assert (found, after["next"], after["total"]) == (["2", "1"], None, 2)
    results = json.loads(run(app, ["results", key, "--json"]).stdout)
    assert [row["number"] for row in results] == ["1", "2"]
    assert run(app, ["results", key]).stdout.splitlines()[1].startswith("1,completed,10.00,USD")
    wrong = [
        ["export", "products", "--start", "2025-11-10"],
        ["export", "products", "--currency", "USD"],
        ["export", "orders", "--currency", "XYZ"],
        ["export", "orders", "--output", str(tmp_path / "orders.doc")],
        ["list", "--next", "forged"],
    ]
    assert [run(app, words).exit_code for words in wrong] == [2] * len(wrong)
    assert sorted(path.name for path in tmp_path.glob("*.p*")) == ["orders.parquet"]
