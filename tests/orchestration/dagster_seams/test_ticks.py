"""Contract of `jobs.dagster_seams.ticks`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, build_sensor_context
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._utils.error import SerializableErrorInfo

from definitions import build_definitions
from jobs.care.silent_sensors import silent_sensors
from jobs.dagster_seams.ticks import SensorTicks, sensor_ticks
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.state.lost_imports import HeartbeatClock
from tests.orchestration.dagster_seams.instances import local_instance


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with local_instance(tmp_path) as made:
        yield made


def switch(
    instance: DagsterInstance, name: str, status: InstigatorStatus = InstigatorStatus.DECLARED_IN_CODE
) -> InstigatorState:
    """The state of a sensor, as the daemon stores it."""
    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="definitions"))
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)
    return instance.add_instigator_state(InstigatorState(origin, InstigatorType.SENSOR, status))


def tick(
    instance: DagsterInstance, state: InstigatorState, at: float, status: TickStatus, *causes: str
) -> None:
    """A tick with the messages of an error and its causes, the last cause first."""
    error = None
    for message in reversed(causes):
        error = SerializableErrorInfo(message, [], None, error)
    instance.create_tick(
        TickData(
            state.instigator_origin_id,
            state.instigator_name,
            InstigatorType.SENSOR,
            status,
            at,
            run_ids=[],
            selector_id=state.selector_id,
            error=error,
        )
    )


def test_the_newest_good_tick_counts_and_the_error_of_a_later_one(instance: DagsterInstance) -> None:
    state = switch(instance, "inbox_sensor")
    tick(instance, state, 100.0, TickStatus.FAILURE, "builtins.OSError: old\n")
    tick(instance, state, 200.0, TickStatus.SUCCESS)
    tick(instance, state, 300.0, TickStatus.SKIPPED)
    assert list(sensor_ticks(instance, {"inbox_sensor"})) == [SensorTicks("inbox_sensor", 300, None)]
    cause = "orders_pipeline.staging.inbox.InboxUnusable: The folder is a link.\n"
    tick(instance, state, 400.0, TickStatus.FAILURE, "dagster.SensorExecutionError: Error occurred\n", cause)
    tick(instance, state, 500.0, TickStatus.STARTED)
    assert list(sensor_ticks(instance, {"inbox_sensor"})) == [
        SensorTicks("inbox_sensor", 300, "The folder is a link.")
    ]


def test_of_an_error_of_a_library_only_the_class_is_reported(instance: DagsterInstance) -> None:
    state = switch(instance, "inbox_sensor")
    tick(instance, state, 100.0, TickStatus.FAILURE, "sqlalchemy.exc.DataError: row of customer c342\n")
    assert list(sensor_ticks(instance, {"inbox_sensor"})) == [SensorTicks("inbox_sensor", 0, "DataError")]


def test_sensors_that_are_off_or_of_other_definitions_are_left_out(instance: DagsterInstance) -> None:
    switch(instance, "inbox_sensor", InstigatorStatus.STOPPED)
    switch(instance, "an_old_sensor")
    assert list(sensor_ticks(instance, {"inbox_sensor"})) == []


def test_sensors_are_silent_on_the_clock_of_this_process(instance: DagsterInstance, tmp_path: Path) -> None:
    definitions = build_definitions(Settings(home=tmp_path / "home"))
    inbox, alerts = switch(instance, "inbox_sensor"), switch(instance, "alerts_sensor")
    # The sensor is evaluated every five minutes.
    snapshots = switch(instance, "snapshot_sensor")
    for state in (inbox, alerts, snapshots):
        tick(instance, state, 100.0, TickStatus.SUCCESS)
    now = 0.0
    clock = HeartbeatClock(lambda: now)

    def silent(cursor: str = "") -> dict[str, float]:
        with build_sensor_context(
            instance=instance,
            repository_def=definitions.get_repository_def(),
            sensor_name="alerts_sensor",
            cursor=cursor,
        ) as context:
            seen = silent_sensors(context, clock)
            return {one.name: one.seconds for one in seen}

    assert silent() == {"inbox_sensor": 0, "snapshot_sensor": 0}
    now = 80.0
    assert silent() == {"inbox_sensor": 80, "snapshot_sensor": 0}
    now = 350.0
    assert silent() == {"inbox_sensor": 350, "snapshot_sensor": 80}
    assert silent(cursor="store down") == {"inbox_sensor": 0, "snapshot_sensor": 0}
    tick(instance, inbox, 200.0, TickStatus.SKIPPED)
    now = 360.0
    assert silent()["inbox_sensor"] == 0
