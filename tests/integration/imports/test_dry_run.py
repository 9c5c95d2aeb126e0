"""A dry run reports what the import would do, and changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.imports.results.report import ImportReport
from tests.import_bench import ImportBench, Line, many_orders


def as_dry(report: ImportReport) -> ImportReport:
    """What a dry run would have reported for a real import."""
    return replace(report, statuses={}, seconds=0.0, orders_per_second=0.0)


def files_of(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.name.endswith(("-wal", "-shm"))}


MIXED = [*many_orders(12), Line("m", "CABLE", 2, "0.3333"), Line("m", "MOUSE", 1, "2", currency="USD")]
BAD = [Line("bad", quantity=0), Line("bad"), Line("eur", currency="EUR"), Line("worse", price="x")]


def test_a_dry_run_says_what_the_import_then_comes_to(bench: ImportBench) -> None:
    file = bench.write(*MIXED, *BAD)
    said = bench.dry_run(file)
    assert said == as_dry(bench.settle(bench.stage(file)))
    assert said.orders == {"accepted": 14, "rejected": 2, "duplicate": 0}


def test_duplicates_and_conflicts_are_foreseen(bench: ImportBench) -> None:
    bench.import_lines(*MIXED)
    changed = [Line("n1", quantity=2), Line("n2", "UNSEEN"), Line("m", "CABLE", 2, "0.3333")]
    file = bench.write(*MIXED[4:10], *changed, Line("new"), Line("new", "UNSEEN"), *BAD, name="second.csv")
    said = bench.dry_run(file)
    assert said == as_dry(bench.settle(bench.stage(file)))
    assert said.orders == {"accepted": 2, "rejected": 5, "duplicate": 6}
    assert said.rejects_by_code["order_conflict"] == 3


def test_an_order_that_differs_by_a_nearly_free_line_of_an_unknown_product_is_foreseen_as_a_conflict(
    bench: ImportBench,
) -> None:
    bench.import_lines(Line("1"))
    file = bench.write(Line("1"), Line("1", "UNSEEN", price="0.0001"), name="second.csv")
    said = bench.dry_run(file)
    assert said == as_dry(bench.settle(bench.stage(file)))
    assert said.orders == {"accepted": 0, "rejected": 1, "duplicate": 0}


def test_many_batches_are_foreseen_as_one_file(bench: ImportBench) -> None:
    bench.set(batch_lines=5)
    bench.import_lines(*MIXED[:6])
    file = bench.write(*MIXED, *BAD, name="second.csv")
    assert bench.dry_run(file) == as_dry(bench.settle(bench.stage(file)))


@pytest.mark.parametrize(
    ("profile", "source"), [(None, None), ("default", None), (None, "east"), ("default", "w")]
)
def test_a_file_that_was_imported_is_foreseen_as_nothing_new(
    bench: ImportBench, profile: str | None, source: str | None
) -> None:
    file = bench.write(*MIXED, *BAD)
    key = bench.stage(file, profile=profile, source=source)
    bench.settle(key)
    said = bench.dry_run(file, profile=profile, source=source)
    assert said.partition == key
    assert (said.records, said.duplicate_lines, said.rejected_lines) == (18, 18, 0)
    assert said.orders == {"accepted": 0, "rejected": 0, "duplicate": 14}
    assert (said.statuses, said.revenue, said.rejects_by_code) == ({}, {}, {})


def test_nothing_is_touched(bench: ImportBench) -> None:
    bench.import_lines(*MIXED[:5])
    file = bench.write(*MIXED, *BAD, name="second.csv")
    before, files = bench.everything(), files_of(bench.folder)
    bench.dry_run(file)
    assert bench.everything() == before
    assert files_of(bench.folder) == files


def test_a_file_that_would_be_refused_is_refused(bench: ImportBench) -> None:
    with pytest.raises(FileRefused, match=r"nowhere\.csv"):
        bench.dry_run(bench.folder / "nowhere.csv")


def test_a_real_file_is_foreseen_to_the_cent(lone_bench: ImportBench, datasets: Path) -> None:
    file = datasets / "online_retail/by-day/2010-12-01.csv"
    said = lone_bench.dry_run(file)
    assert said.revenue == {"USD": "58960.79"}
    assert said == as_dry(lone_bench.settle(lone_bench.stage(file)))
