"""Runs that import nothing send heartbeats while their process is alive."""

from __future__ import annotations

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from jobs.refunds.refund_orders import REFUND_ORDERS
from jobs.runs import STARTING_SECONDS, WITHOUT_BEAT_SECONDS, any_alive
from jobs.workers.run_heartbeat import beats_of, run_heartbeat
from orders_pipeline.imports.state.lost_imports import HeartbeatClock
from tests.dagster_runs import create_run, status_of
from tests.import_bench import ImportBench

STARTED, STARTING = DagsterRunStatus.STARTED, DagsterRunStatus.STARTING
A_DAY = 86_400.0


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def signs(clock: list[float]) -> HeartbeatClock:
    return HeartbeatClock(lambda: clock[0])


def test_a_run_beats_as_long_as_its_process_works_on_it(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    run, beats = create_run(instance, REFUND_ORDERS, status=STARTED), beats_of(bench.settings)
    with run_heartbeat(bench.settings, instance, run):
        while not beats(run.run_id):
            pass
    assert beats(run.run_id) is False


def test_nobody_knows_of_beats_while_redis_is_down(bench: ImportBench) -> None:
    bench.set(redis_url="redis://127.0.0.1:1/0")
    assert beats_of(bench.settings)("a run") is None


@pytest.mark.parametrize(
    ("status", "patience"), [(STARTED, WITHOUT_BEAT_SECONDS), (STARTING, STARTING_SECONDS)]
)
def test_a_run_that_stopped_beating_is_failed_soon(
    instance: DagsterInstance,
    signs: HeartbeatClock,
    clock: list[float],
    status: DagsterRunStatus,
    patience: float,
) -> None:
    run = create_run(instance, REFUND_ORDERS, status=status)
    assert any_alive(instance, REFUND_ORDERS, signs, A_DAY, lambda _: True)
    clock[0] += A_DAY
    # The silence is timed from the moment at which the missing heartbeat is noticed.
    assert any_alive(instance, REFUND_ORDERS, signs, A_DAY, lambda _: False)
    clock[0] += patience + 1
    assert not any_alive(instance, REFUND_ORDERS, signs, A_DAY, lambda _: False)
    assert status_of(instance, run) is DagsterRunStatus.FAILURE


def test_a_run_is_given_more_time_while_heartbeats_are_unknown(
    instance: DagsterInstance, signs: HeartbeatClock, clock: list[float]
) -> None:
    create_run(instance, REFUND_ORDERS, status=STARTED)
    assert any_alive(instance, REFUND_ORDERS, signs, A_DAY, lambda _: None)
    clock[0] += STARTING_SECONDS + 1
    assert any_alive(instance, REFUND_ORDERS, signs, A_DAY, lambda _: None)
