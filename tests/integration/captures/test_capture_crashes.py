"""Authorizations, captures and voids, interrupted at each commit and resumed.

To the order store, a process that is killed before or after a commit is one whose connection breaks there.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import orders
from orders_pipeline.verify.everything import verify_orders
from tests.capture_bench import CaptureBench
from tests.chaos.taken_up_again import Work
from tests.import_bench import RUN, ImportBench, many_orders

CRASHES = 8
FIRST, SECOND = "first.csv", "second.csv"


def prepare(bench: ImportBench) -> None:
    bench.stock(MOUSE=100)
    CaptureBench.on(bench)
    bench.import_lines(*many_orders(6), name=FIRST)
    bench.stage(bench.write(*many_orders(3, "s"), name=SECOND))


def do_it_all(bench: ImportBench) -> None:
    """An import, captures of which some are declined, and voids; all of it can be repeated."""
    captures = CaptureBench.on(bench, capture_success_rate=0.5, transaction_orders=2)
    key = bench.keys()[SECOND]
    for number in bench.steps.parse(key, RUN):
        bench.up_to("roll_back", key, number)
    bench.steps.finish(key)
    captures.cancel("n5")
    captures.capture("n0", "n1", "n2", "n3", "s0", "s1")
    captures.settle()
    captures.let_pass(hours=97)
    captures.void_overdue()
    captures.settle()


def came_to(bench: ImportBench) -> object:
    checks = verify_orders(bench.engine, bench.gateway)
    assert {check.name for check in checks if not check.ok} == set()
    with reading(bench.engine) as connection:
        statuses = dict(connection.execute(select(orders.c.number, orders.c.status)).all())
    captures = CaptureBench(bench)
    ends = {number: captures.one(number).get("status") for number in statuses}
    return statuses, ends, bench.shelf(), bench.rows("customer_totals"), bench.rows("product_totals")


def test_captures_and_voids_broken_off_at_a_commit_have_the_same_result_when_taken_up_again(
    store_url: str, tmp_path: Path
) -> None:
    assert Work(prepare, do_it_all, came_to).break_off(store_url, tmp_path, CRASHES) > 30
