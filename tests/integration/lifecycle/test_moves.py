"""The moves of an order: one table, one function that makes them, and one page that shows them."""

from __future__ import annotations

import inspect
import re
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from orders_pipeline.base.model import SETTLED, OrderStatus
from orders_pipeline.lifecycle import order_lifecycle
from orders_pipeline.lifecycle.batch import BatchKey, batch_work, get_batch
from orders_pipeline.lifecycle.moves import MOVES, ForbiddenMoveError, move
from orders_pipeline.store.kpi_days import versions
from orders_pipeline.store.schema import orders
from tests.import_bench import ImportBench, many_orders

PACKAGE = Path(inspect.getfile(order_lifecycle)).parents[1]
SHOWN = re.compile(r"(\w+(?: \| \w+)*) -> (\w+):")
ALL_MOVES = {(source, target) for source, targets in MOVES.items() for target in targets}
FORBIDDEN = sorted(set(product(OrderStatus, OrderStatus)) - ALL_MOVES)


def move_all(engine: Engine, source: OrderStatus, target: OrderStatus) -> int:
    """Moves the orders of the first batch; returns how many were moved."""
    key = BatchKey(1, 1)
    with engine.begin() as connection, batch_work(connection, key, get_batch(engine, key).window) as work:
        return move(work, work.orders_in(source), source, target)


def day_versions(bench: ImportBench) -> list[int]:
    with bench.engine.begin() as connection:
        return list(versions(connection, connection.execute(select(orders.c.day)).scalars()).values())


@pytest.mark.parametrize(("source", "target"), FORBIDDEN)
def test_a_move_that_is_not_in_the_table_is_refused(
    bench: ImportBench, source: OrderStatus, target: OrderStatus
) -> None:
    bench.up_to("load", bench.parsed(*many_orders(3)))
    before = bench.everything()
    with pytest.raises(ForbiddenMoveError, match=f"from {source} to {target}"):
        move_all(bench.engine, source, target)
    assert bench.everything() == before


@pytest.mark.parametrize(("source", "target"), sorted(ALL_MOVES))
def test_a_move_keeps_counts_and_due_days_in_step(
    bench: ImportBench, source: OrderStatus, target: OrderStatus
) -> None:
    bench.up_to("load", bench.parsed(*many_orders(3)))
    way = {
        OrderStatus.PENDING: (),
        OrderStatus.FAILED: (OrderStatus.FAILED,),
        OrderStatus.RESERVED: (OrderStatus.RESERVED,),
        OrderStatus.PAYMENT_PROCESSING: (OrderStatus.RESERVED, OrderStatus.PAYMENT_PROCESSING),
        OrderStatus.AUTHORIZED: (
            *(OrderStatus.RESERVED, OrderStatus.PAYMENT_PROCESSING, OrderStatus.AUTHORIZED),
        ),
        OrderStatus.ROLLBACK: (OrderStatus.RESERVED, OrderStatus.ROLLBACK),
    }[source]
    for before, after in zip((OrderStatus.PENDING, *way), way, strict=False):
        assert move_all(bench.engine, before, after) == 3
    version = day_versions(bench)
    assert move_all(bench.engine, source, target) == 3
    counts = get_batch(bench.engine, BatchKey(1, 1)).counts
    assert {status: number for status, number in counts.items() if number} == {target: 3}
    assert set(bench.statuses().values()) == {target}
    is_due = source in SETTLED or target in SETTLED
    assert day_versions(bench) == [number + is_due for number in version]


def test_only_orders_in_the_named_status_move(bench: ImportBench) -> None:
    bench.up_to("load", bench.parsed(*many_orders(3)))
    key = BatchKey(1, 1)
    window = get_batch(bench.engine, key).window
    with bench.engine.begin() as connection, batch_work(connection, key, window) as work:
        everybody = work.orders_in(*OrderStatus)
        assert move(work, everybody, OrderStatus.RESERVED, OrderStatus.ROLLBACK) == 0
    assert set(bench.statuses().values()) == {"pending"}


def test_the_page_of_an_orders_way_shows_every_move_and_no_other() -> None:
    shown = set()
    for _, function in inspect.getmembers(order_lifecycle, inspect.isfunction):
        if found := SHOWN.match(function.__doc__ or ""):
            shown |= {(source, found[2]) for source in found[1].split(" | ")}
    assert shown == ALL_MOVES


def test_no_other_code_changes_the_status_of_an_order() -> None:
    writers = {
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        if re.search(r"update\(\s*orders(_table)?\s*\)", file.read_text("utf-8"))
    }
    assert writers == {"lifecycle/moves.py"}
