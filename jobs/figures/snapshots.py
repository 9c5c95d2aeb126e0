"""The sensor that stores snapshots of the queues. It needs no run, whose overhead would exceed the work."""

from dagster import (
    AssetMaterialization,
    DefaultSensorStatus,
    ResourceParam,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
)

from jobs import sensor_intervals
from jobs.described import described_sensor
from jobs.workers.queues import queue_sizes
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.dictionary import PIPELINE_SNAPSHOT
from orders_pipeline.monitoring.snapshots import take_snapshot
from resources.figures import FigureStores


def snapshot_sensors(settings: Settings) -> list[SensorDefinition]:
    """The sensor of this module, on by default."""

    @described_sensor(
        minimum_interval_seconds=sensor_intervals.SNAPSHOTS, default_status=DefaultSensorStatus.RUNNING
    )
    def snapshot_sensor(context: SensorEvaluationContext, figures: ResourceParam[FigureStores]) -> SkipReason:
        """Stores a snapshot of queues and throughput for the plots, and removes old snapshots."""
        sizes = _sizes(settings)
        with figures.open() as published:
            live = published.live.figures(published.currency)
            take_snapshot(published.engine, sizes)
        waiting = {f"waiting_{queue}": size for queue, size in sizes.items()}
        taken = AssetMaterialization(PIPELINE_SNAPSHOT.name, metadata={**waiting, **live})
        context.instance.report_runless_asset_event(taken)
        return SkipReason("a snapshot was taken")

    return [snapshot_sensor]


def _sizes(settings: Settings) -> dict[str, int]:
    try:
        return queue_sizes(settings)
    except ConnectionError:
        # An alert reports the broker. The snapshot is stored without the queues.
        return {}
