"""The schedules for expired reservations and declined payments."""

from __future__ import annotations

from dagster import (
    DagsterInstance,
    DefaultScheduleStatus,
    Definitions,
    RunRequest,
    SkipReason,
    build_schedule_context,
)
from sqlalchemy import update

from definitions import build_definitions
from jobs.care.dunning import RETRY_DECLINED
from jobs.care.reservations import SWEEP_RESERVATIONS
from orders_pipeline.store.schema import failures, imports, reservations
from tests.import_bench import ImportBench, many_orders


def test_the_schedule_starts_a_run_only_where_something_expired_and_the_run_sweeps_it(
    bench: ImportBench,
) -> None:
    definitions = build_definitions(bench.settings)
    schedule = definitions.resolve_schedule_def("sweep_reservations_schedule")
    job = definitions.resolve_job_def(SWEEP_RESERVATIONS)
    assert schedule.default_status is DefaultScheduleStatus.RUNNING
    assert schedule.cron_schedule == "*/5 * * * *"
    key = bench.parsed(*many_orders(3))
    bench.up_to("reserve", key)
    with DagsterInstance.ephemeral() as instance:
        context = build_schedule_context(instance, resources=definitions.resources)
        assert isinstance(schedule(context), SkipReason)
        with bench.engine.begin() as connection:
            connection.execute(update(imports).values(run_beat_at=1))
            connection.execute(update(reservations).values(expires_at=1))
        assert isinstance(schedule(context), RunRequest)
        assert job.execute_in_process(instance=instance).success
        assert isinstance(schedule(context), SkipReason)
    assert set(bench.statuses().values()) == {"rollback"}
    assert bench.broken_checks() == set()


def test_declined_payments_are_retried_once_they_are_due(bench: ImportBench) -> None:
    bench.set(payment_success_rate=0)
    bench.settle(bench.stage(bench.write(*many_orders(20))))
    off = build_definitions(bench.settings)
    bench.set(dunning_hours="24")
    definitions = build_definitions(bench.settings)
    with DagsterInstance.ephemeral() as instance:

        def tick(definitions: Definitions) -> object:
            schedule = definitions.resolve_schedule_def("retry_declined_schedule")
            with build_schedule_context(instance, resources=definitions.resources) as context:
                return schedule(context)

        assert isinstance(tick(definitions), SkipReason)
        day_ago = failures.c.failed_at - 24 * 3_600_000_000
        with bench.engine.begin() as connection:
            connection.execute(update(failures).values(failed_at=day_ago))
        assert isinstance(tick(off), SkipReason)
        assert isinstance(tick(definitions), RunRequest)
        job = definitions.resolve_job_def(RETRY_DECLINED)
        assert job.execute_in_process(instance=instance).success
        assert isinstance(tick(definitions), SkipReason)
    assert "pending" in bench.statuses().values()
