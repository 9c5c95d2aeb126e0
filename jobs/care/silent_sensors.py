"""Sensors that make no progress, for the alerts."""

from dagster import SensorEvaluationContext

from jobs.dagster_seams.ticks import sensor_ticks
from orders_pipeline.imports.state.lost_imports import HeartbeatClock
from orders_pipeline.monitoring.alerts.rule_input import SilentSensor

# The usual interval of sensors; for a sensor with a longer interval, silence is allowed for longer.
USUAL_INTERVAL_SECONDS = 30


def silent_sensors(context: SensorEvaluationContext, clock: HeartbeatClock) -> list[SilentSensor]:
    """Returns each sensor of the definitions, with the seconds since its last good tick.

    The seconds are measured with this process's own clock, so time in which nothing ran is not included. They
    start again from 0 when the order store is back after an outage, because without the store no sensor has a
    good tick. The cursor records this.
    """
    repository = context.repository_def
    if repository is None:
        return []
    intervals = {one.name: one.minimum_interval_seconds or 0 for one in repository.sensor_defs}
    intervals.pop(str(context.sensor_name), None)
    return [
        SilentSensor(one.sensor, _beyond(intervals[one.sensor], silence), one.error)
        for one in sensor_ticks(context.instance, intervals.keys())
        for silence in [clock.unchanged_for(one.sensor, (one.good_at, context.cursor))]
    ]


def _beyond(interval: float, silence: float) -> float:
    return max(silence - max(interval - USUAL_INTERVAL_SECONDS, 0.0), 0.0)
