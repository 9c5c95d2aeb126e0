"""An import whose staged files are lost continues if it can, and fails with a clear message if it cannot."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import update

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.imports.parsing.restoring import BatchesLost
from orders_pipeline.store.schema import imports
from tests.import_bench import RUN, ImportBench, Line, many_orders

ORDERS = [*many_orders(40), Line("bad", quantity=0), *many_orders(9, "m", currency="EUR")]


def some_loaded(bench: ImportBench) -> str:
    """Key of an import that was killed when its first batches were settled and the third was half loaded."""
    bench.set(batch_lines=10, transaction_orders=3)
    key = bench.stage(bench.write(*ORDERS))
    numbers = bench.steps.parse(key, RUN)
    assert len(numbers) > 3
    for number in numbers[:2]:
        bench.up_to("roll_back", key, number)
    return key


def as_if_unhurt(bench: ImportBench, key: str) -> None:
    report = bench.settle(key)
    assert (report.orders, report.records) == ({"accepted": 49, "rejected": 1, "duplicate": 0}, 50)
    assert set(bench.statuses().values()) == {"completed"}
    assert bench.broken_checks() == set()


LOSSES: dict[str, Callable[[Path], None]] = {
    "all batches": lambda folder: shutil.rmtree(folder / "batches"),
    "a batch's orders": lambda folder: (folder / "batches/batch-0003.orders.parquet").unlink(),
    "a batch's lines": lambda folder: (folder / "batches/batch-0004.lines.parquet").unlink(),
    "the end of a batch": lambda folder: os.truncate(folder / "batches/batch-0004.lines.parquet", 100),
    "all of a batch's content": lambda folder: os.truncate(folder / "batches/batch-0003.orders.parquet", 0),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES.keys())
def test_lost_batches_are_parsed_again_and_come_out_the_same(
    bench: ImportBench, lose: Callable[[Path], None]
) -> None:
    key = some_loaded(bench)
    lose(bench.staged(key))
    as_if_unhurt(bench, key)


def test_batches_are_parsed_again_by_the_rules_of_the_first_time(lone_bench: ImportBench) -> None:
    key = some_loaded(lone_bench)
    shutil.rmtree(lone_bench.staged(key) / "batches")
    lone_bench.set(batch_lines=1000, currency="CHF", timezone="Asia/Tokyo", first_day=date(2026, 1, 1))
    as_if_unhurt(lone_bench, key)


def test_batches_that_are_not_needed_any_more_are_not_missed(lone_bench: ImportBench) -> None:
    key = some_loaded(lone_bench)
    lone_bench.settle(key)
    shutil.rmtree(lone_bench.staged(key))
    as_if_unhurt(lone_bench, key)


def test_an_original_that_is_not_needed_any_more_is_not_missed(lone_bench: ImportBench) -> None:
    key = some_loaded(lone_bench)
    (lone_bench.staged(key) / "original").unlink()
    as_if_unhurt(lone_bench, key)


def test_a_lost_original_is_named_and_staging_it_again_lets_the_import_begin(bench: ImportBench) -> None:
    file = bench.write(*ORDERS)
    key = bench.stage(file)
    shutil.rmtree(bench.staged(key))
    with pytest.raises(FileRefused, match=r"orders\.csv.*is missing") as refused:
        bench.steps.parse(key, RUN)
    assert refused.value.code == "staged_file_lost"
    found = bench.found(key)
    assert (found.status, found.refused_code) == ("refused", "staged_file_lost")
    assert bench.stage(file) == key
    as_if_unhurt(bench, key)


def test_a_staged_copy_that_was_cut_short_is_refused_and_staging_it_again_lets_the_import_begin(
    bench: ImportBench,
) -> None:
    file = bench.write(*ORDERS)
    key = bench.stage(file)
    original = bench.staged(key) / "original"
    os.truncate(original, original.stat().st_size // 2)
    with pytest.raises(FileRefused, match=r"staged copy of orders\.csv has changed since it was staged"):
        bench.steps.parse(key, RUN)
    assert bench.found(key).refused_code == "staged_file_damaged"
    assert bench.stage(file) == key
    as_if_unhurt(bench, key)


def test_batches_are_parsed_again_though_this_version_words_its_findings_otherwise(
    lone_bench: ImportBench,
) -> None:
    key = some_loaded(lone_bench)
    parsed = lone_bench.found(key).parsed
    assert parsed is not None
    reworded = [{**finding, "reason": "as of old"} for finding in parsed["detected"]]
    with lone_bench.engine.begin() as connection:
        connection.execute(update(imports).values(parsed={**parsed, "detected": reworded}))
    shutil.rmtree(lone_bench.staged(key) / "batches")
    as_if_unhurt(lone_bench, key)


def test_an_import_that_lost_batches_and_original_stalls_until_the_file_is_staged_again(
    bench: ImportBench,
) -> None:
    key = some_loaded(bench)
    shutil.rmtree(bench.staged(key))
    with pytest.raises(BatchesLost, match="is missing"):
        bench.steps.parse(key, RUN)
    found = bench.found(key)
    assert found.status == "stalled"
    assert "Import or stage the file again" in str(found.refused_because)
    assert bench.broken_checks() == set()
    assert bench.stage(bench.folder / "orders.csv") == key
    as_if_unhurt(bench, key)


def test_an_original_that_was_changed_is_not_taken_for_the_first(lone_bench: ImportBench) -> None:
    key = some_loaded(lone_bench)
    shutil.rmtree(lone_bench.staged(key) / "batches")
    original = lone_bench.staged(key) / "original"
    original.write_text(original.read_text().replace(",1,10.00,", ",2,10.00,"))
    with pytest.raises(BatchesLost, match="has changed since it was staged"):
        lone_bench.steps.parse(key, RUN)
    assert lone_bench.found(key).status == "stalled"


def test_what_parsing_found_out_is_kept_with_its_rules(bench: ImportBench) -> None:
    key = bench.stage(bench.write(*ORDERS))
    bench.steps.parse(key, RUN)
    parsed = bench.found(key).parsed
    assert parsed is not None
    assert (parsed["encoding"], parsed["records"], parsed["rules"]["currency"]) == ("ascii", 50, "USD")
    assert {"profile", "encoding", "delimiter"} <= {finding["what"] for finding in parsed["detected"]}
    assert all(0 <= finding["confidence"] <= 1 and finding["reason"] for finding in parsed["detected"])
