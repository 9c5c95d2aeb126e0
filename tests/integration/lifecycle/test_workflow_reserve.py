"""Reserving stock: all units of an order or none, in file order, never more than there are."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from orders_pipeline.store.schema import failures, orders
from tests.import_bench import ImportBench, Line, many_orders


def reserved(bench: ImportBench, *lines: Line, name: str = "orders.csv") -> str:
    key = bench.parsed(*lines, name=name)
    bench.up_to("reserve", key)
    return key


def refusals(bench: ImportBench) -> dict[str, tuple[str, str]]:
    """Reason and SKU by order number."""
    query = select(orders.c.number, failures.c.reason, failures.c.detail).join(failures)
    with bench.engine.connect() as connection:
        return {row[0]: (row[1], row[2]) for row in connection.execute(query)}


def test_units_move_from_the_shelf_to_the_reserved_ones(bench: ImportBench) -> None:
    bench.stock(MOUSE=10, CABLE=5)
    reserved(bench, Line("1", "MOUSE", 3), Line("1", "CABLE", 5), Line("2", "MOUSE", 7))
    assert bench.statuses() == {"1": "reserved", "2": "reserved"}
    assert bench.shelf() == {"MOUSE": (0, 10, 0), "CABLE": (0, 5, 0)}
    assert [row[2] for row in bench.rows("reservations")] == ["held", "held"]


def test_a_reservation_holds_for_the_configured_time(bench: ImportBench) -> None:
    bench.set(reservation_minutes=5)
    reserved(bench, Line("1"))
    (row,) = bench.rows("reservations")
    assert row[4] - row[3] == 5 * 60 * 1_000_000


def test_under_scarcity_orders_are_served_in_file_order(bench: ImportBench) -> None:
    bench.stock(MOUSE=5)
    reserved(bench, Line("z", quantity=3), Line("b", quantity=3), Line("a", quantity=2), Line("c"))
    assert bench.statuses() == {"z": "reserved", "b": "failed", "a": "reserved", "c": "failed"}
    assert refusals(bench) == {"b": ("out_of_stock", "MOUSE"), "c": ("out_of_stock", "MOUSE")}
    assert bench.shelf() == {"MOUSE": (0, 5, 0)}


def test_an_order_that_lacks_one_product_takes_nothing_of_the_others(bench: ImportBench) -> None:
    bench.stock(MOUSE=2, CABLE=0)
    reserved(bench, Line("1", "MOUSE", 2), Line("1", "CABLE"), Line("2", "MOUSE", 2))
    assert bench.statuses() == {"1": "failed", "2": "reserved"}
    assert bench.shelf() == {"MOUSE": (0, 2, 0), "CABLE": (0, 0, 0)}


def test_several_lines_of_one_product_count_together(bench: ImportBench) -> None:
    bench.stock(MOUSE=5)
    reserved(bench, Line("1", quantity=3), Line("1", quantity=3), Line("2", quantity=5))
    assert bench.statuses() == {"1": "failed", "2": "reserved"}


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_the_size_of_a_transaction_does_not_change_who_is_served(bench: ImportBench, size: int) -> None:
    bench.set(transaction_orders=size)
    bench.stock(MOUSE=6, CABLE=3)
    lines = [Line(f"{n}", "MOUSE", n % 3 + 1) for n in range(6)] + [
        Line(f"{n}", "CABLE") for n in range(2, 6)
    ]
    reserved(bench, *lines)
    assert {number for number, status in bench.statuses().items() if status == "reserved"} == {"0", "1", "2"}


def test_an_unknown_product_fails_its_order_where_the_setting_says_reject(bench: ImportBench) -> None:
    bench.reject_unknown_products()
    bench.stock(MOUSE=5)
    reserved(bench, Line("1"), Line("2", "NEW"), Line("3", "MOUSE"), Line("3", "NEW"))
    assert bench.statuses() == {"1": "reserved", "2": "failed", "3": "failed"}
    assert refusals(bench) == {"2": ("unknown_product", "NEW"), "3": ("unknown_product", "NEW")}
    assert bench.shelf() == {"MOUSE": (4, 1, 0), "NEW": (0, 0, 0)}


def test_an_unknown_product_can_be_sold_once_it_is_listed(bench: ImportBench) -> None:
    bench.reject_unknown_products()
    bench.import_lines(Line("1", "NEW"))
    bench.stock(NEW=4)
    bench.import_lines(Line("2", "NEW"), name="second.csv")
    assert bench.statuses() == {"1": "failed", "2": "completed"}
    assert bench.shelf() == {"NEW": (3, 0, 1)}


def test_a_failed_orders_day_becomes_due_again(bench: ImportBench) -> None:
    bench.stock(MOUSE=1)
    reserved(bench, Line("1"), Line("2", date="2025-11-11 10:00:00"))
    assert [row[:2] for row in bench.rows("kpi_days")] == [(date(2025, 11, 10), 1), (date(2025, 11, 11), 2)]


def test_the_batch_counts_what_happened(bench: ImportBench) -> None:
    bench.stock(MOUSE=1)
    key = bench.parsed(*many_orders(3))
    counts = [bench.step(name, key).counts for name in ("load", "reserve")]
    assert [{s.value: n for s, n in one.items() if n} for one in counts] == [
        {"pending": 3},
        {"reserved": 1, "failed": 2},
    ]


def test_two_files_racing_for_the_last_units_never_oversell(bench: ImportBench) -> None:
    bench.stock(MOUSE=30, CABLE=30)
    bench.set(transaction_orders=7)
    keys = []
    for prefix in "abcd":
        lines = [
            Line(f"{prefix}{n}", sku)
            for n in range(20)
            for sku in (("MOUSE", "CABLE") if (n + ord(prefix)) % 2 else ("CABLE", "MOUSE"))
        ]
        keys.append(bench.parsed(*lines, name=f"{prefix}.csv"))
    bench.race(*[lambda one, key=key: one.up_to("reserve", key) for key in keys])
    assert bench.shelf() == {"MOUSE": (0, 30, 0), "CABLE": (0, 30, 0)}
    assert list(bench.statuses().values()).count("reserved") == 30
    assert list(bench.statuses().values()).count("failed") == 50


def test_loading_and_reserving_the_same_products_at_once_ends_well(bench: ImportBench) -> None:
    skus = [f"S{n}" for n in range(40)]
    bench.stock(**dict.fromkeys(skus, 1000))
    keys = [
        bench.parsed(
            *[Line(f"{prefix}{n}", sku) for n in range(40) for sku in (skus if turn else reversed(skus))],
            name=f"{prefix}.csv",
        )
        for turn, prefix in enumerate("ab")
    ]
    bench.step("load", keys[0])
    bench.set(transaction_orders=10)
    bench.race(lambda one: one.step("reserve", keys[0]), lambda one: one.step("load", keys[1]))
    bench.step("reserve", keys[1])
    assert set(bench.shelf().values()) == {(920, 80, 0)}
