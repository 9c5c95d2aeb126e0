"""The sweep of expired reservations, while imports run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from orders_pipeline.base.clock import now_us
from orders_pipeline.imports.state.heartbeat import Sign, beating
from orders_pipeline.lifecycle.expiry import any_expired, expire_reservations
from orders_pipeline.lifecycle.story import find_orders
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import imports, reservations
from tests.import_bench import ImportBench, many_orders

PATIENCE = 30


def sweep(bench: ImportBench, listen: Callable[[], None] = lambda: None) -> int:
    return expire_reservations(bench.engine, PATIENCE, bench.settings.transaction_orders, listen)


def reserved(bench: ImportBench, count: int = 5) -> str:
    """Key of an import that was abandoned after its orders were reserved."""
    bench.stock(MOUSE=100)
    key = bench.parsed(*many_orders(count))
    bench.up_to("reserve", key)
    abandon(bench)
    return key


def abandon(bench: ImportBench) -> None:
    with bench.engine.begin() as connection:
        connection.execute(update(imports).values(run_beat_at=now_us() - (PATIENCE + 1) * 1_000_000))


def outlive(bench: ImportBench, *order_ids: int) -> None:
    """Lets the reservations of these orders expire, or those of all."""
    ended = update(reservations).values(expires_at=now_us())
    with bench.engine.begin() as connection:
        connection.execute(ended.where(reservations.c.order_id.in_(order_ids)) if order_ids else ended)


def test_expired_reservations_are_released_and_the_others_stay(bench: ImportBench) -> None:
    reserved(bench)
    outlive(bench, 2, 4)
    assert any_expired(bench.engine, PATIENCE)
    assert sweep(bench) == 2
    assert not any_expired(bench.engine, PATIENCE)
    assert {number for number, status in bench.statuses().items() if status == "rollback"} == {"n1", "n3"}
    assert bench.shelf()["MOUSE"] == (97, 3, 0)
    assert bench.broken_checks() == set()
    assert sweep(bench) == 0


def test_an_expired_order_says_so_in_its_story(bench: ImportBench) -> None:
    reserved(bench, 1)
    outlive(bench)
    sweep(bench)
    with reading(bench.engine) as connection:
        (story,) = find_orders(connection, "n0", None)
    assert (story["status"], story["failures"][0]["reason"]) == ("rollback", "expired")


def test_nothing_expires_before_its_time(bench: ImportBench) -> None:
    reserved(bench)
    assert not any_expired(bench.engine, PATIENCE)
    assert sweep(bench) == 0


def test_an_import_that_sends_heartbeats_keeps_what_it_holds(bench: ImportBench) -> None:
    key = reserved(bench)
    outlive(bench)
    bench.steps.parse(key, "another launch")
    assert not any_expired(bench.engine, PATIENCE)
    assert sweep(bench) == 0
    assert bench.settle(key).statuses["completed"] == 5


def test_an_import_that_beats_is_left_alone(lone_bench: ImportBench) -> None:
    key = reserved(lone_bench)
    outlive(lone_bench)
    with beating(lone_bench.engine, [key], Sign.RUN, every=0.001):
        while any_expired(lone_bench.engine, PATIENCE):
            pass
        assert sweep(lone_bench) == 0


def test_a_clock_that_jumps_forward_takes_nothing_from_an_import_at_work(bench: ImportBench) -> None:
    key = reserved(bench)
    outlive(bench)

    def beat() -> None:
        with bench.engine.begin() as connection:
            connection.execute(update(imports).values(run_beat_at=imports.c.run_beat_at + 10_000_000))

    assert sweep(bench, listen=beat) == 0
    assert bench.settle(key).statuses["completed"] == 5


@pytest.mark.parametrize("step", ["charge", "finalize"])
def test_what_is_charged_never_expires(bench: ImportBench, step: str) -> None:
    key = reserved(bench)
    bench.step("charge", key)
    if step == "finalize":
        bench.step("finalize", key)
    outlive(bench)
    abandon(bench)
    before = bench.everything()
    assert sweep(bench) == 0
    assert bench.everything() == before


def test_a_sweep_that_meets_charging_ends_each_order_one_way(bench: ImportBench) -> None:
    bench.set(transaction_orders=3)
    key = reserved(bench, 40)
    outlive(bench)
    _, swept, again = bench.race(lambda one: one.step("charge", key), sweep, sweep)
    assert bench.broken_checks() == set()
    statuses = bench.settle(key).statuses
    assert statuses["rollback"] == swept + again  # type: ignore[operator]
    assert statuses["completed"] == 40 - statuses["rollback"]
    assert bench.shelf()["MOUSE"] == (100 - statuses["completed"], 0, statuses["completed"])
    assert bench.broken_checks() == set()
