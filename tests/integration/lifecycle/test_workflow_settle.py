"""Finalizing and rolling back: units are sold or returned, running totals grow once, days become due."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import event

from orders_pipeline.imports.state.status import OpenOrdersError
from tests.import_bench import RUN, STEPS, ImportBench, Line, many_orders


def mixed(bench: ImportBench) -> str:
    """Key of a charged file of which about half of the orders are paid."""
    bench.set(payment_success_rate=0.5)
    bench.stock(MOUSE=100)
    key = bench.parsed(*many_orders(30))
    bench.up_to("charge", key)
    return key


def test_a_completed_orders_units_are_sold(bench: ImportBench) -> None:
    bench.stock(MOUSE=10)
    report = bench.import_lines(Line("1", quantity=3), Line("2", quantity=4))
    assert report.statuses == {"completed": 2, "rollback": 0, "failed": 0}
    assert bench.shelf() == {"MOUSE": (3, 0, 7)}
    assert {row[2] for row in bench.rows("reservations")} == {"sold"}


def test_a_declined_orders_units_go_back_to_the_shelf(bench: ImportBench) -> None:
    bench.set(payment_success_rate=0)
    bench.stock(MOUSE=10)
    report = bench.import_lines(Line("1", quantity=3), Line("2", quantity=4))
    assert report.statuses == {"completed": 0, "rollback": 2, "failed": 0}
    assert report.revenue == {}
    assert bench.shelf() == {"MOUSE": (10, 0, 0)}
    assert {row[2] for row in bench.rows("reservations")} == {"released"}
    assert [row[2:4] for row in bench.rows("failures")] == [
        ("declined", row[7]) for row in bench.rows("payments")
    ]


@pytest.mark.parametrize("order", [("finalize", "roll_back"), ("roll_back", "finalize")])
def test_each_branch_takes_only_its_own_orders(bench: ImportBench, order: tuple[str, str]) -> None:
    key = mixed(bench)
    paid = {row[0] for row in bench.rows("payments") if row[3] == "succeeded"}
    for name in order:
        bench.step(name, key)
    completed = {row[0] for row in bench.rows("orders") if row[-1] == "completed"}
    assert completed == paid
    assert 0 < len(paid) < 30
    assert bench.shelf() == {"MOUSE": (100 - len(paid), 0, len(paid))}
    assert bench.broken_checks() == set()


def test_running_totals_are_kept_by_customer_product_and_currency(bench: ImportBench) -> None:
    bench.import_lines(
        Line("1", "MOUSE", 2, "10.00"),
        Line("1", "MOUSE", 1, "0.005"),
        Line("2", "CABLE", 3, "1.3333", customer="c2"),
        Line("3", "MOUSE", 1, "12", currency="EUR"),
        Line("4", "MOUSE", 1, "1000", currency="JPY"),
        Line("5", "MOUSE", 1, "10.00", customer="", name=""),
    )
    bench.import_lines(Line("6", "MOUSE", 5, "1.00"), name="second.csv")
    assert bench.rows("customer_totals", "refunded", "version") == sorted(
        [("c1", "EUR", 1, 1200), ("c1", "JPY", 1, 1000), ("c1", "USD", 2, 2501), ("c2", "USD", 1, 400)],
        key=repr,
    )
    ids = {row[1]: row[0] for row in bench.rows("products")}
    of_returns = ("units_returned", "refunded", "version")
    assert bench.rows("product_totals", *of_returns) == sorted(
        [
            (ids["MOUSE"], "EUR", 1, 1, 120_000),
            (ids["MOUSE"], "JPY", 1, 1, 10_000_000),
            (ids["MOUSE"], "USD", 3, 9, 350_050),
            (ids["CABLE"], "USD", 1, 3, 39_999),
        ],
        key=repr,
    )


def test_revenue_is_reported_by_currency_with_its_own_decimals(bench: ImportBench) -> None:
    report = bench.import_lines(
        Line("1", price="10.005"),
        Line("2", price="7.5", currency="JPY"),
        Line("3", price="1.2345", currency="KWD"),
    )
    assert report.revenue == {"JPY": "8", "KWD": "1.235", "USD": "10.01"}


def test_a_settled_orders_day_becomes_due_again(bench: ImportBench) -> None:
    bench.set(payment_success_rate=0.5)
    key = bench.parsed(*many_orders(30), Line("other", date="2025-11-12 00:00:00"))
    bench.up_to("charge", key)
    assert [row[1] for row in bench.rows("kpi_days")] == [1, 1]
    bench.step("finalize", key)
    assert bench.rows("kpi_days")[0][:2] == (date(2025, 11, 10), 2)
    bench.step("roll_back", key)
    assert bench.rows("kpi_days")[0][:2] == (date(2025, 11, 10), 3)
    assert bench.rows("kpi_days")[1][1] == 2


@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_runs_twice_changes_nothing(bench: ImportBench, name: str) -> None:
    bench.set(payment_success_rate=0.5, transaction_orders=7)
    bench.stock(MOUSE=25)
    key = bench.parsed(*many_orders(30))
    bench.up_to(name, key)
    before = bench.everything()
    bench.step(name, key)
    assert bench.everything() == before


def test_every_step_again_after_the_end_changes_nothing(bench: ImportBench) -> None:
    bench.set(payment_success_rate=0.5, transaction_orders=7)
    bench.stock(MOUSE=25)
    key = bench.parsed(*many_orders(30), Line("bad", quantity=0))
    report = bench.settle(key)
    before = bench.everything()
    for number in bench.steps.parse(key, RUN):
        for name in STEPS:
            bench.step(name, key, number)
    assert bench.steps.finish(key) == report
    assert bench.everything() == before


def test_steps_may_come_in_any_order_and_wait_for_their_turn(bench: ImportBench) -> None:
    key = bench.parsed(*many_orders(4))
    for name in ("finalize", "charge", "roll_back", "reserve"):
        bench.step(name, key)
    assert bench.statuses() == {}
    assert bench.settle(key).statuses["completed"] == 4


def test_a_file_with_an_open_order_is_not_finished(bench: ImportBench) -> None:
    key = bench.parsed(*many_orders(3))
    with pytest.raises(OpenOrdersError, match="3 not loaded"):
        bench.steps.finish(key)
    for name, message in (
        ("load", "3 pending"),
        ("reserve", "3 reserved"),
        ("charge", "3 payment_processing"),
    ):
        bench.step(name, key)
        with pytest.raises(OpenOrdersError, match=message):
            bench.steps.finish(key)
    bench.step("finalize", key)
    assert bench.steps.finish(key).statuses["completed"] == 3


def test_many_batches_have_the_same_result_as_one(bench: ImportBench) -> None:
    lines = [Line(f"{n % 40}", f"S{n % 7}", n % 3 + 1, customer=f"c{n % 5}") for n in range(120)]
    bench.set(batch_lines=15, transaction_orders=4, payment_success_rate=0.7)
    file = bench.stage(bench.write(*lines))
    numbers = bench.steps.parse(file, RUN)
    assert len(numbers) > 3
    report = bench.settle(file)
    assert (report.records, report.accepted_lines, report.orders["accepted"]) == (120, 120, 40)
    assert bench.broken_checks() == set()


def test_the_end_of_an_import_sorts_no_orders(lone_bench: ImportBench) -> None:
    # SQLite groups by sorting, which takes seconds for ten million orders at the end of each import.
    key = lone_bench.parsed(*many_orders(30))
    lone_bench.up_to("roll_back", key)
    plans = Plans()
    event.listen(lone_bench.engine, "before_cursor_execute", plans.note)
    report = lone_bench.steps.finish(key)
    event.remove(lone_bench.engine, "before_cursor_execute", plans.note)
    assert report.revenue == {"USD": "300.00"}
    assert any("SEARCH orders" in step for step in plans.steps)
    assert [step for step in plans.steps if "TEMP B-TREE" in step] == ["USE TEMP B-TREE FOR DISTINCT"]


class Plans:
    """SQLite's plan of each query on a connection."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def note(self, _connection: object, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT") and "FROM orders" in statement:
            plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            self.steps.extend(row[-1] for row in plan)
