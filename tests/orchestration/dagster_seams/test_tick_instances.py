"""The instance that the ticks of a code server share."""

from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, Definitions, SensorEvaluationContext, SkipReason, sensor
from dagster._grpc import impl
from dagster._grpc.impl import get_external_sensor_execution

from jobs.dagster_seams.tick_instances import KeptInstance, SharedContext, share_instance

QUIET = {"telemetry": {"enabled": False}}


def test_ticks_share_an_instance_that_they_do_not_close(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The original value is restored after the test.
    monkeypatch.setattr(impl, "SensorEvaluationContext", impl.SensorEvaluationContext)
    monkeypatch.setattr(SharedContext, "kept", KeptInstance())
    share_instance()
    seen: list[DagsterInstance] = []

    @sensor(name="looking")
    def looking(context: SensorEvaluationContext) -> SkipReason:
        seen.append(context.instance)
        return SkipReason(str(len(context.instance.get_runs())))

    repository = Definitions(sensors=[looking]).get_repository_def()
    results: list[Any] = []
    for name in ("one", "one", "other"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        with DagsterInstance.local_temp(str(folder), overrides=QUIET) as instance:
            reference: Any = instance.get_ref()
        origin: Any = None
        results.append(
            get_external_sensor_execution(
                repository, origin, reference, "looking", None, None, None, None, None
            )
        )
    assert [one.skip_message for one in results] == ["0", "0", "0"]
    assert seen[0] is seen[1]
    assert seen[2] is not seen[1]
    assert seen[2].root_directory == str(tmp_path / "other")


def test_an_instance_that_a_test_gave_is_used() -> None:
    with DagsterInstance.ephemeral() as instance:
        context = SharedContext(
            None,
            last_tick_completion_time=None,
            last_run_key=None,
            cursor=None,
            repository_name=None,
            instance=instance,
        )
        assert context.instance is instance
