"""A file with more bad lines than allowed is refused before any order is loaded; its rejects can be read."""

from __future__ import annotations

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.imports.file_import import parse_rules
from orders_pipeline.imports.import_row import Import
from orders_pipeline.imports.parsing.parsing import keep_parsed, noting_refusals, parse_staged, parsing_input
from orders_pipeline.imports.results.report import count_rejects
from orders_pipeline.stock.catalog import UnknownProducts
from tests.import_bench import RUN, ImportBench, Line, many_orders

ORDERS = [*many_orders(7), Line("b1", quantity=0), Line("b2", price="x"), Line("b2", "CABLE")]


@pytest.mark.parametrize("limit", ["1", "19%"])
def test_none_of_its_orders_enters(bench: ImportBench, limit: str) -> None:
    key = bench.stage(bench.write(*ORDERS), max_rejects=limit)
    with pytest.raises(FileRefused):
        bench.steps.parse(key, RUN)
    found = bench.found(key)
    assert (found.status, found.refused_code, found.max_rejects) == ("refused", "too_many_rejects", limit)
    assert "2 of 10 records are bad" in str(found.refused_because)
    assert (bench.statuses(), bench.rows("batches"), found.records) == ({}, [], 0)
    assert bench.broken_checks() == set()


@pytest.mark.parametrize("limit", ["2", "20%", None])
def test_a_file_within_the_limit_is_imported(lone_bench: ImportBench, limit: str | None) -> None:
    report = lone_bench.settle(lone_bench.stage(lone_bench.write(*ORDERS), max_rejects=limit))
    assert report.orders == {"accepted": 7, "rejected": 2, "duplicate": 0}


def test_the_rejects_of_a_refused_file_can_be_seen_and_exported(bench: ImportBench) -> None:
    key = bench.stage(bench.write(*ORDERS), max_rejects="0")
    with pytest.raises(FileRefused):
        bench.steps.parse(key, RUN)
    with bench.engine.connect() as connection:
        counted = count_rejects(connection, bench.found(key).id)
    assert counted == {"price_unreadable": 1, "quantity_not_positive": 1}
    assert bench.exported(key).count(b"\n") == 4


def test_a_higher_limit_lets_the_same_file_in(bench: ImportBench) -> None:
    file = bench.write(*ORDERS)
    key = bench.stage(file, max_rejects="0")
    for _ in range(2):
        with pytest.raises(FileRefused):
            bench.steps.parse(key, RUN)
    assert bench.stage(file, max_rejects="5") == key
    assert bench.settle(key).orders == {"accepted": 7, "rejected": 2, "duplicate": 0}
    found = bench.found(key)
    assert (found.status, found.refused_code, found.max_rejects) == ("finished", None, "5")
    assert len(bench.rows("rejects")) == 3
    assert bench.broken_checks() == set()


def test_a_limit_that_comes_after_the_import_changes_nothing(lone_bench: ImportBench) -> None:
    file = lone_bench.write(*ORDERS)
    key = lone_bench.stage(file)
    lone_bench.settle(key)
    before = lone_bench.everything()
    assert lone_bench.stage(file, max_rejects="0") == key
    assert lone_bench.everything() == before


def test_a_dry_run_holds_to_the_limit(lone_bench: ImportBench) -> None:
    file = lone_bench.write(*ORDERS)
    assert lone_bench.dry_run(file, max_rejects="2").orders["accepted"] == 7
    with pytest.raises(FileRefused) as refused:
        lone_bench.dry_run(file, max_rejects="1")
    assert refused.value.code == "too_many_rejects"


def test_what_is_no_limit_is_refused_before_anything_is_staged(lone_bench: ImportBench) -> None:
    with pytest.raises(FileRefused) as refused:
        lone_bench.stage(lone_bench.write(*ORDERS), max_rejects="few")
    assert refused.value.code == "option_invalid"
    assert lone_bench.rows("imports") == []


def parsed_late(bench: ImportBench, seen: Import) -> None:
    """Parses a file with the import as it was when a try began."""
    with noting_refusals(bench.engine, seen), parsing_input(bench.staging, seen) as given:
        parsed = parse_staged(given, parse_rules(bench.settings))
        unknown = UnknownProducts(create=True, stock=0)
        keep_parsed(bench.engine, bench.staging, seen, parsed, given.folder, unknown)


def test_a_try_that_refuses_a_file_undoes_nothing_of_a_twin_that_was_allowed_more(bench: ImportBench) -> None:
    file = bench.write(*ORDERS)
    key = bench.stage(file, max_rejects="0")
    slow = bench.found(key)
    bench.stage(file, max_rejects="5")
    bench.steps.parse(key, RUN)
    before = bench.everything()
    with pytest.raises(FileRefused):
        parsed_late(bench, slow)
    assert bench.everything() == before
    assert bench.settle(key).orders["accepted"] == 7
