"""Contract of `jobs.dagster_seams.tick_logs`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster import Definitions, SensorEvaluationContext, SkipReason, sensor

from jobs.dagster_seams.tick_logs import remove_tick_logs
from tests.orchestration.dagster_seams.instances import local_instance


def test_the_log_of_an_old_tick_is_removed_and_that_of_a_new_one_stays(tmp_path: Path) -> None:
    @sensor()
    def telling_sensor(context: SensorEvaluationContext) -> SkipReason:
        context.log.info("looked")
        return SkipReason("nothing to do")

    repository = Definitions(sensors=[telling_sensor]).get_repository_def()
    with local_instance(tmp_path) as instance:
        key = [repository.name, "telling_sensor", "1"]
        with SensorEvaluationContext(
            instance_ref=instance.get_ref(),
            last_tick_completion_time=None,
            last_run_key=None,
            cursor=None,
            log_key=key,
            repository_name=repository.name,
            instance=instance,
            sensor_name="telling_sensor",
        ) as context:
            telling_sensor.evaluate_tick(context)
        now = datetime.now(UTC)
        assert remove_tick_logs(instance, now - timedelta(days=1), dry=False) == 0
        tomorrow = now + timedelta(days=1)
        number = remove_tick_logs(instance, tomorrow, dry=True)
        assert number > 0
        assert remove_tick_logs(instance, tomorrow, dry=False) == number
        assert remove_tick_logs(instance, tomorrow, dry=False) == 0
