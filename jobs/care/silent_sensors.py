"""Sensors that make no progress, for the alerts."""

from dagster import SensorEvaluationContext

from jobs.dagster_seams.ticks import sensor_ticks
from orders_pipeline.imports.watchdog import HeartbeatClock
from orders_pipeline.monitoring.alert_rules import SilentSensor


def silent_sensors(context: SensorEvaluationContext, clock: HeartbeatClock) -> list[SilentSensor]:
    """Each sensor of the definitions, with the seconds since its last good tick.

    The seconds are counted on this process's own clock, so that time in which nothing ran does not count.
    They begin anew when the order store, without which no sensor has a good tick, is back: the cursor notes
    that.
    """
    repository = context.repository_def
    if repository is None:
        return []
    names = {sensor.name for sensor in repository.sensor_defs} - {context.sensor_name}
    return [
        SilentSensor(one.sensor, clock.unchanged_for(one.sensor, (one.good_at, context.cursor)), one.error)
        for one in sensor_ticks(context.instance, names)
    ]
