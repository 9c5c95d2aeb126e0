"""Loading a batch: new orders become pending, known orders are duplicates or conflicts."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text

from orders_pipeline.imports.import_row import UnknownPartitionError
from orders_pipeline.lifecycle.story import find_orders
from tests.import_bench import RUN, ImportBench, Line, many_orders

TWO_LINES = (Line("1", "MOUSE", 2), Line("1", "CABLE", 1, "2.50"))


def test_an_order_enters_as_pending_with_all_its_lines(bench: ImportBench) -> None:
    key = bench.parsed(Line("1", "MOUSE", 2), Line("2"), Line("1", "CABLE", 3, "0.3333"))
    bench.step("load", key)
    assert bench.statuses() == {"1": "pending", "2": "pending"}
    assert bench.lines_of("1") == [(2, 200_000, 2), (3, 9_999, 4)]
    totals = {row[4]: row[7] for row in bench.rows("orders")}
    assert totals == {"1": 2100, "2": 1000}


def test_orders_of_a_batch_have_ids_in_file_order(bench: ImportBench) -> None:
    key = bench.parsed(Line("9"), Line("10"), Line("A"), Line("1"))
    bench.step("load", key)
    assert [row[4] for row in sorted(bench.rows("orders"))] == ["9", "10", "A", "1"]


def test_a_guest_has_no_customer(bench: ImportBench) -> None:
    bench.step("load", bench.parsed(Line("1", customer="", name="")))
    assert bench.rows("customers") == []
    assert [row[5] for row in bench.rows("orders")] == [None]


def test_a_customer_keeps_the_last_name_that_was_given(bench: ImportBench) -> None:
    bench.import_lines(Line("1", name="Ada"))
    bench.import_lines(Line("2", name="Ada Lovelace"), name="second.csv")
    bench.import_lines(Line("3", name=""), name="third.csv")
    assert bench.rows("customers", "search_name") == [("c1", "Ada Lovelace")]


def test_an_order_that_comes_again_unchanged_is_a_duplicate(bench: ImportBench) -> None:
    bench.import_lines(*TWO_LINES)
    before = {
        table: bench.rows(table) for table in ("orders", "order_lines", "products", "payments", "kpi_days")
    }
    report = bench.import_lines(*TWO_LINES, Line("2"), name="second.csv")
    assert (report.orders, report.duplicate_lines) == ({"accepted": 1, "rejected": 0, "duplicate": 1}, 2)
    for table in ("orders", "order_lines", "payments"):
        assert set(before[table]) <= set(bench.rows(table))


def test_the_same_content_under_another_name_brings_nothing_new(bench: ImportBench) -> None:
    lines = (*TWO_LINES, Line("2"), Line("3", quantity=0))
    bench.import_lines(*lines)
    kept = ("orders", "order_lines", "products", "payments", "reservations", "kpi_days", "customer_totals")
    before = {table: bench.rows(table) for table in kept}
    report = bench.import_lines(*lines, name="other-name.csv")
    assert report.orders == {"accepted": 0, "rejected": 1, "duplicate": 2}
    assert (report.records, report.duplicate_lines, report.rejected_lines) == (4, 3, 1)
    assert report.revenue == {}
    assert {table: bench.rows(table) for table in kept} == before


def test_names_and_the_sequence_of_lines_are_no_other_content(bench: ImportBench) -> None:
    bench.import_lines(*TWO_LINES)
    again = [
        Line(one.order, one.sku, one.quantity, one.price, name="A. Lovelace") for one in reversed(TWO_LINES)
    ]
    report = bench.import_lines(*again, name="second.csv")
    assert report.orders == {"accepted": 0, "rejected": 0, "duplicate": 1}


CHANGES = {
    "another quantity": [Line("1", "MOUSE", 3), Line("1", "CABLE", 1, "2.50")],
    "another product": [Line("1", "MOUSE", 2), Line("1", "CORD", 1, "2.50")],
    "a line more": [*TWO_LINES, Line("1", "CORD")],
    "a line less": [TWO_LINES[0]],
    "another split of the same total": [Line("1", "MOUSE", 2, "10.01"), Line("1", "CABLE", 1, "2.48")],
    "another customer": [Line(o.order, o.sku, o.quantity, o.price, customer="c2") for o in TWO_LINES],
    "no customer": [Line(o.order, o.sku, o.quantity, o.price, customer="", name="") for o in TWO_LINES],
    "another currency": [Line(o.order, o.sku, o.quantity, o.price, currency="EUR") for o in TWO_LINES],
    "another time": [
        Line(o.order, o.sku, o.quantity, o.price, date="2025-11-10 10:00:01") for o in TWO_LINES
    ],
}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES.keys())
def test_an_order_that_comes_back_changed_is_a_conflict_and_the_first_stays(
    bench: ImportBench, changed: list[Line]
) -> None:
    bench.import_lines(*TWO_LINES)
    kept = ("orders", "order_lines", "payments", "reservations", "customer_totals")
    before = {table: bench.rows(table) for table in kept}
    report = bench.import_lines(*changed, name="second.csv")
    assert {table: bench.rows(table) for table in kept} == before
    assert report.orders == {"accepted": 0, "rejected": 1, "duplicate": 0}
    assert (report.rejected_lines, report.lines_of_rejected_orders) == (0, len(changed))
    assert report.records == len(changed)
    assert report.rejects_by_code == {"order_conflict": 1}
    assert bench.broken_checks() == set()


def test_a_conflict_is_reported_in_the_first_versions_story(bench: ImportBench) -> None:
    bench.import_lines(Line("1"))
    bench.import_lines(Line("0"), Line("1", quantity=2), name="second.csv")
    with bench.engine.connect() as connection:
        (story,) = find_orders(connection, "1", None)
    assert [note["note"] for note in story["notes"]] == [
        "came back with other content in second.csv, line 3: rejected"
    ]


def test_an_order_rejected_in_one_file_is_new_in_the_next(bench: ImportBench) -> None:
    bench.import_lines(Line("1"), Line("1", quantity=0))
    report = bench.import_lines(Line("1"), Line("1", quantity=1), name="second.csv")
    assert report.orders == {"accepted": 1, "rejected": 0, "duplicate": 0}


def test_the_same_number_from_another_source_is_another_order(bench: ImportBench) -> None:
    bench.import_lines(Line("1"), source="east")
    report = bench.import_lines(Line("1", quantity=5), source="west", name="second.csv")
    assert report.orders == {"accepted": 1, "rejected": 0, "duplicate": 0}
    assert len(bench.rows("orders")) == 2


def test_a_batch_is_loaded_in_parts_and_known_orders_are_found_in_each(bench: ImportBench) -> None:
    bench.set(transaction_orders=3)
    bench.import_lines(*many_orders(10))
    changed = [Line(f"n{number}", quantity=2 if number % 5 == 0 else 1) for number in range(12)]
    report = bench.import_lines(*changed, name="second.csv")
    assert report.orders == {"accepted": 2, "rejected": 2, "duplicate": 8}
    assert bench.broken_checks() == set()


def test_a_part_that_was_loaded_before_a_crash_is_not_loaded_again(bench: ImportBench) -> None:
    bench.set(transaction_orders=2)
    key = bench.parsed(*many_orders(5))
    bench.step("load", key)
    whole = bench.rows("orders", "loaded_at"), bench.rows("order_lines")
    with bench.engine.begin() as connection:
        for statement in (
            "DELETE FROM order_lines WHERE order_id > 2",
            "DELETE FROM orders WHERE id > 2",
            "UPDATE batches SET loaded = 2, pending = 2, accepted_lines = 2",
        ):
            connection.execute(text(statement))
    bench.step("load", key)
    assert (bench.rows("orders", "loaded_at"), bench.rows("order_lines")) == whole
    assert bench.settle(key).orders["accepted"] == 5


def test_a_day_becomes_due_when_orders_of_it_are_loaded_and_only_then(bench: ImportBench) -> None:
    bench.step("load", bench.parsed(Line("1"), Line("2", date="2025-11-12 10:00:00")))
    assert bench.rows("kpi_days", "due_since") == [(date(2025, 11, 10), 1, 0), (date(2025, 11, 12), 1, 0)]
    key = bench.parsed(Line("1"), Line("3", date="2025-11-11 10:00:00"), name="second.csv")
    bench.step("load", key)
    assert [row[:2] for row in bench.rows("kpi_days")] == [
        (date(2025, 11, 10), 1),
        (date(2025, 11, 11), 1),
        (date(2025, 11, 12), 1),
    ]


def test_an_unknown_product_is_created_with_the_configured_stock(bench: ImportBench) -> None:
    bench.set(unknown_sku_stock=7)
    bench.stock(MOUSE=2)
    bench.step("load", bench.parsed(Line("1"), Line("2", "CABLE", product="Cable 1 m")))
    assert bench.shelf() == {"MOUSE": (2, 0, 0), "CABLE": (7, 0, 0)}


def test_a_file_without_a_good_line_can_be_imported_again_and_again(bench: ImportBench) -> None:
    key = bench.stage(bench.write(Line("1", quantity=0), Line("2", price="-1")))
    first = bench.settle(key)
    assert (first.records, first.rejected_lines, first.orders["accepted"]) == (2, 2, 0)
    rejects = bench.rows("rejects")
    assert bench.settle(key).rejects_by_code == first.rejects_by_code
    assert bench.rows("rejects") == rejects


def test_a_key_that_nothing_is_staged_under_is_refused(bench: ImportBench) -> None:
    with pytest.raises(UnknownPartitionError, match="orders stage FILE"):
        bench.steps.parse("orders.csv-000000000000", RUN)


HOSTILE = [
    "Robert'); DROP TABLE orders; --",
    "=1+1",
    "\\.",
    "a\\N",
    "NULLS",
    '"',
    "[/red]",
    "é中😀",
    "%s",
    ":x",
    "{0}",
]


@pytest.mark.parametrize("text_", HOSTILE)
def test_every_text_field_comes_back_as_it_was(bench: ImportBench, text_: str) -> None:
    bench.import_lines(Line(text_, sku=text_, customer=text_, name=text_, product=text_))
    with bench.engine.connect() as connection:
        (story,) = find_orders(connection, text_, None)
    assert (story["order_id"], story["customer_id"], story["customer_name"]) == (text_, text_, text_)
    assert (story["lines"][0]["sku"], story["lines"][0]["name"]) == (text_, text_)
    report = bench.import_lines(
        Line(text_, text_, customer=text_, name=text_, product=text_), name="again.csv"
    )
    assert report.orders["duplicate"] == 1


def test_a_nul_byte_costs_its_own_order_only(bench: ImportBench) -> None:
    report = bench.import_lines(Line("1"), Line("2", name="A\0da"), Line("3", product="\0"), Line("4"))
    assert {"1", "4"} <= bench.statuses().keys()
    assert report.records == 4
    assert bench.broken_checks() == set()


def test_two_imports_of_one_file_at_once_share_one_partition(bench: ImportBench) -> None:
    file = bench.write(*many_orders(20))
    keys = bench.race(*[lambda one: one.stage(file)] * 4)
    assert len(set(keys)) == 1
    assert len(bench.rows("imports")) == 1


def test_two_files_of_a_new_source_may_be_staged_at_once(bench: ImportBench) -> None:
    files = [bench.write(*many_orders(2, prefix), name=f"{prefix}.csv") for prefix in "abcd"]
    bench.race(*[lambda one, file=file: one.stage(file) for file in files])
    assert len(bench.rows("sources")) == 1
    assert len(bench.rows("imports")) == 4


def test_a_file_that_two_processes_parse_at_once_is_parsed_right(bench: ImportBench) -> None:
    key = bench.stage(bench.write(*many_orders(300), Line("bad", quantity=0)))
    bench.race(*[lambda one: one.steps.parse(key, RUN)] * 4)
    report = bench.settle(key)
    assert (report.orders["accepted"], report.rejected_lines) == (300, 1)
    assert bench.broken_checks() == set()
