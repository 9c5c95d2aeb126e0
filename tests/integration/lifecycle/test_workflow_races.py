"""The same step twice, and steps of different files, running concurrently."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from orders_pipeline.base.model import Window
from orders_pipeline.imports.state.tries import counted_try
from orders_pipeline.lifecycle.batch import BatchKey, batch_work
from orders_pipeline.lifecycle.order_lifecycle import reserve
from orders_pipeline.store.engine import open_engine
from tests.import_bench import RUN, STEPS, ImportBench, Line, many_orders
from tests.waiting import eventually


@pytest.mark.parametrize("name", STEPS)
def test_twins_of_a_step_do_its_work_once(bench: ImportBench, name: str) -> None:
    bench.set(payment_success_rate=0.5, transaction_orders=5)
    bench.stock(MOUSE=30)
    key = bench.parsed(*many_orders(40))
    for earlier in STEPS[: STEPS.index(name)]:
        bench.step(earlier, key)
    results = bench.race(*[lambda one: one.step(name, key)] * 3)
    assert results[0] == results[1] == results[2]
    assert bench.settle(key).orders["accepted"] == 40
    assert bench.shelf()["MOUSE"][1] == 0
    assert bench.broken_checks() == set()


def test_twins_of_a_whole_import_settle_each_order_once(bench: ImportBench) -> None:
    bench.set(payment_success_rate=0.5, transaction_orders=5, batch_lines=10)
    bench.stock(MOUSE=30)
    key = bench.stage(bench.write(*many_orders(40)))
    reports = bench.race(*[lambda one: one.settle(key)] * 3)
    assert reports[0] == reports[1] == reports[2]
    assert bench.broken_checks() == set()


def test_a_step_that_wakes_after_its_twin_finished_everything_changes_nothing(bench: ImportBench) -> None:
    key = bench.parsed(*many_orders(20))
    bench.settle(key)
    before = bench.everything()
    bench.race(*[lambda one, name=name: one.step(name, key) for name in STEPS])
    assert bench.everything() == before


def test_files_that_share_orders_customers_products_and_days_end_well_together(bench: ImportBench) -> None:
    bench.set(payment_success_rate=0.7, transaction_orders=9)
    bench.stock(**{f"S{n}": 40 for n in range(5)})
    keys = []
    for at, prefix in enumerate("abc"):
        own = [
            Line(
                f"{prefix}{n}",
                f"S{(n + line) % 5}",
                customer=f"c{n % 4}",
                date=f"2025-11-{n % 9 + 10} 08:00:00",
            )
            for n in range(30)
            for line in range(3)
        ]
        shared = [Line(f"shared{n}", f"S{n % 5}", quantity=1 if n % 2 else at + 1) for n in range(20)]
        keys.append(
            bench.stage(bench.write(*own, *(shared if at % 2 else reversed(shared)), name=f"{prefix}.csv"))
        )
    reports = bench.race(*[lambda one, key=key: one.settle(key) for key in keys])
    accepted = sum(report.orders["accepted"] for report in reports)  # type: ignore[attr-defined]
    assert accepted == 3 * 30 + 20
    assert bench.broken_checks() == set()


def test_batches_of_one_file_settle_side_by_side(bench: ImportBench) -> None:
    bench.set(payment_success_rate=0.7, transaction_orders=6, batch_lines=25)
    bench.stock(**{f"S{n}": 40 for n in range(7)})
    lines = [
        Line(f"{n}", f"S{(n * turn) % 7}", customer=f"c{n % 4}", date=f"2025-11-{n % 9 + 10} 08:00:00")
        for n in range(60)
        for turn in (1, 2, 3)
    ]
    key = bench.stage(bench.write(*lines))
    numbers = bench.steps.parse(key, RUN)
    assert len(numbers) >= 4
    bench.race(*[lambda one, number=number: one.up_to("roll_back", key, number) for number in numbers])
    assert bench.steps.finish(key).orders["accepted"] == 60
    assert bench.broken_checks() == set()


def test_reserving_does_not_wait_for_a_file_that_is_being_loaded(
    migrated_postgres_url: str, tmp_path: Path
) -> None:
    engine = open_engine(migrated_postgres_url + "?options=-clock_timeout%3D5s")
    bench = ImportBench.at(engine, tmp_path)
    key = bench.parsed(*many_orders(3))
    bench.step("load", key)
    with engine.begin() as loading:
        loading.execute(text("SELECT id FROM products FOR KEY SHARE"))
        bench.step("reserve", key)
    assert set(bench.statuses().values()) == {"reserved"}
    engine.dispose()


def test_units_that_are_taken_between_the_look_and_the_lock_are_not_reserved_twice(
    migrated_postgres_url: str, tmp_path: Path
) -> None:
    bench = ImportBench.at(open_engine(migrated_postgres_url), tmp_path)
    bench.stock(MOUSE=10)
    first, second = (bench.parsed(*many_orders(7, name), name=f"{name}.csv") for name in "ab")
    for key in (first, second):
        bench.step("load", key)
    with ThreadPoolExecutor() as pool:
        with bench.engine.begin() as connection, batch_work(connection, BatchKey(1, 1), Window(1, 7)) as work:
            reserve(work, hold_us=10**9, low_stock=None)
            other = pool.submit(bench.step, "reserve", second)
            eventually(lambda: waiting_for_locks(bench.engine) == 1)
        other.result()
    assert bench.shelf()["MOUSE"] == (0, 10, 0)
    assert Counter(bench.statuses().values()) == {"reserved": 10, "failed": 4}
    assert bench.broken_checks() == set()
    bench.engine.dispose()


def waiting_for_locks(engine: Engine) -> int:
    ours = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
    with engine.connect() as connection:
        return connection.execute(text(f"{ours} AND wait_event_type = 'Lock'")).scalar_one()


def test_a_configured_seed_is_taken_up_by_processes_that_start_at_once(bench: ImportBench) -> None:
    key = bench.parsed(*many_orders(3))
    bench.up_to("reserve", key)
    bench.set(payment_seed="a new home's seed")
    bench.race(*[lambda one: one.step("charge", key)] * 4)
    assert bench.settle(key).orders["accepted"] == 3


def test_steps_side_by_side_leave_no_try_counted(bench: ImportBench) -> None:
    key = BatchKey(1, 1)
    bench.parsed(*many_orders(3))
    for _ in range(10):
        with counted_try(bench.engine, key), counted_try(bench.engine, key), counted_try(bench.engine, key):
            pass
    tries = text("SELECT tries FROM batches")
    with bench.engine.connect() as connection:
        assert connection.execute(tries).scalar() == 0
    with (
        pytest.raises(ConnectionError),
        counted_try(bench.engine, key),
        counted_try(bench.engine, key),
    ):
        raise ConnectionError
    with bench.engine.connect() as connection:
        assert connection.execute(tries).scalar() == 0
