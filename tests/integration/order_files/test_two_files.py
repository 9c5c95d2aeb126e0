"""Orders and items in two files: both are staged and are part of the key; then neither is needed."""

from __future__ import annotations

import csv
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from tests.import_bench import RUN, ImportBench

ITEMS = [
    "order_id,order_item_id,product_id,price",
    "a,1,P1,10.00",
    "a,2,P1,10.00",
    "b,1,P2,0.00",
    "c,1,P2,7.50",
]
ORDERS = [
    "order_id,customer_id,order_purchase_timestamp",
    "a,k1,2018-01-02 03:04:05",
    "b,k2,2018-01-03 03:04:05",
]


def write(folder: Path, name: str, lines: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text("\n".join([*lines, ""]))
    return file


@pytest.fixture
def two_files(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path, "items.csv", ITEMS), write(tmp_path / "other", "heads.csv", ORDERS)


def test_both_are_staged_and_read_from_there(bench: ImportBench, two_files: tuple[Path, Path]) -> None:
    items, orders = two_files
    key = bench.stage(items, companion=str(orders))
    items.unlink()
    orders.unlink()
    report = bench.settle(key)
    assert (report.profile, report.orders) == ("olist", {"accepted": 1, "rejected": 2, "duplicate": 0})
    assert report.rejects_by_code == {"order_unknown": 1, "price_not_positive": 1}
    assert report.revenue == {"USD": "20.00"}
    assert {finding["value"] for finding in report.detected if finding["what"] == "companion"} == {
        "heads.csv"
    }
    assert bench.broken_checks() == set()


def test_the_companion_is_part_of_the_key_by_content_and_not_by_place(
    lone_bench: ImportBench, two_files: tuple[Path, Path], tmp_path: Path
) -> None:
    items, orders = two_files
    key = lone_bench.stage(items, companion=str(orders))
    copied = write(tmp_path / "copied", "heads-again.csv", ORDERS)
    assert lone_bench.stage(items, companion=str(copied)) == key
    longer = write(tmp_path / "longer", "heads.csv", [*ORDERS, "c,k3,2018-01-04 03:04:05"])
    other = lone_bench.stage(items, companion=str(longer))
    assert other != key
    lone_bench.settle(key)
    assert lone_bench.settle(other).orders == {"accepted": 1, "rejected": 1, "duplicate": 1}


def test_a_dry_run_says_the_same_key_and_figures(
    lone_bench: ImportBench, two_files: tuple[Path, Path]
) -> None:
    items, orders = two_files
    said = lone_bench.dry_run(items, companion=str(orders))
    key = lone_bench.stage(items, companion=str(orders))
    real = lone_bench.settle(key)
    assert (said.partition, said.orders, said.revenue) == (key, real.orders, real.revenue)
    assert said.detected == real.detected


def test_without_a_companion_the_file_is_refused(
    lone_bench: ImportBench, two_files: tuple[Path, Path]
) -> None:
    with pytest.raises(FileRefused) as refused:
        lone_bench.stage(two_files[0])
    assert refused.value.code == "companion_missing"


def test_rejected_items_come_back_with_the_companion_of_their_import(
    lone_bench: ImportBench, two_files: tuple[Path, Path], tmp_path: Path
) -> None:
    key = lone_bench.stage(two_files[0], companion=str(two_files[1]))
    lone_bench.settle(key)
    fixed = tmp_path / "corrected" / "fixed.csv"
    fixed.parent.mkdir()
    fixed.write_bytes(lone_bench.exported(key).replace(b"b,1,P2,0.00", b"b,1,P2,3.00"))
    report = lone_bench.settle(lone_bench.stage(fixed))
    assert report.orders == {"accepted": 1, "rejected": 1, "duplicate": 0}
    longer = write(tmp_path / "longer", "heads.csv", [*ORDERS, "c,k3,2018-01-04 03:04:05"])
    report = lone_bench.settle(lone_bench.stage(fixed, companion=str(longer)))
    assert report.orders == {"accepted": 1, "rejected": 0, "duplicate": 1}
    assert set(lone_bench.statuses()) == {"a", "b", "c"}
    assert lone_bench.broken_checks() == set()


def test_a_companion_that_is_lost_is_named(lone_bench: ImportBench, two_files: tuple[Path, Path]) -> None:
    key = lone_bench.stage(two_files[0], companion=str(two_files[1]))
    (lone_bench.staged(key) / "companion" / "heads.csv").unlink()
    with pytest.raises(FileRefused, match=r"heads\.csv") as refused:
        lone_bench.steps.parse(key, RUN)
    assert refused.value.code == "staged_file_lost"
    assert lone_bench.found(key).status == "refused"
    assert lone_bench.stage(two_files[0], companion=str(two_files[1])) == key
    assert lone_bench.settle(key).orders["accepted"] == 1


def test_the_olist_files_are_settled_to_the_cent(bench: ImportBench, datasets: Path) -> None:
    items, orders = (datasets / f"olist/olist_{name}_dataset.csv" for name in ("order_items", "orders"))
    totals: dict[str, Decimal] = defaultdict(Decimal)
    with items.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with orders.open(newline="", encoding="utf-8") as file:
        heads = {row["order_id"]: row["order_purchase_timestamp"] for row in csv.DictReader(file)}
    for row in rows:
        totals[row["order_id"]] += Decimal(row["price"])
    assert set(totals) <= set(heads)
    key = bench.stage(items, companion=str(orders))
    report = bench.settle(key)
    assert (report.profile, report.records, report.accepted_lines) == ("olist", len(rows), len(rows))
    assert report.orders == {"accepted": len(totals), "rejected": 0, "duplicate": 0}
    assert report.revenue == {"USD": str(sum(totals.values()))}
    stored = {row[4]: (row[7], str(row[9])) for row in bench.rows("orders")}
    assert stored == {number: (int(total * 100), heads[number][:10]) for number, total in totals.items()}
    assert bench.broken_checks() == set()
