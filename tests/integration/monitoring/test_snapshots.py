"""Snapshots of queues and throughput in the order store."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Engine, insert, select

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import OrderStatus
from orders_pipeline.monitoring.snapshots import (
    Snapshot,
    rates_between,
    snapshots_of_last,
    take_snapshot,
)
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import snapshots
from tests.import_bench import ImportBench
from tests.made_up.builders import StoredOrder, store_orders

HOUR_US = 3_600_000_000
STATUSES = [*OrderStatus, OrderStatus.COMPLETED]


def test_a_snapshot_holds_queues_and_the_orders_of_every_currency(bench: ImportBench) -> None:
    lines = (("SKU-1", 1, 100_000),)
    stored = [
        StoredOrder(number=str(number), day=date(2025, 11, 10), lines=lines, status=status, currency=currency)
        for number, (status, currency) in enumerate(
            (status, currency) for status in STATUSES for currency in ("USD", "EUR")
        )
    ]
    store_orders(bench.engine, stored)
    taken = take_snapshot(bench.engine, {"orders": 3, "dagster": 1})
    assert (taken.pending, taken.processing, taken.settled) == (2, 4, 8)
    assert kept(bench.engine, timedelta(hours=1)) == [taken]
    assert taken.waiting == {"orders": 3, "dagster": 1}


def test_a_week_is_kept_and_older_ones_go_with_the_next(bench: ImportBench) -> None:
    now = now_us()
    ages = [hours * HOUR_US for hours in (24 * 30, 24 * 8 + 1, 24 * 7, 1)]
    with bench.engine.begin() as connection:
        connection.execute(insert(snapshots), [{"taken_at": now - age, "waiting": {}} for age in ages])
    take_snapshot(bench.engine, {})
    with bench.engine.connect() as connection:
        left = list(connection.scalars(select(snapshots.c.taken_at).order_by(snapshots.c.taken_at)))
    assert left[:-1] == [now - age for age in ages[2:]]
    assert len(kept(bench.engine, timedelta(hours=2))) == 2


def test_throughput_is_what_was_settled_between_two_snapshots() -> None:
    taken = [Snapshot(minute * 60_000_000, {}, 0, 0, settled) for minute, settled in enumerate((0, 90, 80))]
    assert rates_between(taken) == [None, 1.5, 0.0]
    assert rates_between([]) == []


def kept(engine: Engine, period: timedelta) -> list[Snapshot]:
    with reading(engine) as connection:
        return snapshots_of_last(connection, period)
