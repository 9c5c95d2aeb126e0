"""The sensor of waiting captures and voids: requested, overdue, or left unfinished by a process that died."""

from dagster import (
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
)

from jobs import sensor_intervals
from jobs.captures.capture_orders import CAPTURE_ORDERS
from jobs.described import described_sensor
from jobs.runs import GATEWAY_RUN_MAY_BE_SILENT_SECONDS, IsBeating, any_alive, unknown
from orders_pipeline.captures.request import any_overdue
from orders_pipeline.captures.settle import any_waiting
from orders_pipeline.imports.state.lost_imports import HeartbeatClock
from orders_pipeline.store.engine import reading
from resources.capture_work import CaptureWorks
from resources.order_store import OrderStore


def capture_sensors(
    is_beating: IsBeating = unknown, silence_seconds: float = GATEWAY_RUN_MAY_BE_SILENT_SECONDS
) -> list[SensorDefinition]:
    """Returns all sensors of this module, on by default.

    Args:
        is_beating: tells whether a run sends heartbeats.
        silence_seconds: seconds after which a run without events counts as dead, if its heartbeat is unknown.
    """
    signs = HeartbeatClock()

    @described_sensor(
        job_name=CAPTURE_ORDERS,
        minimum_interval_seconds=sensor_intervals.OPEN_CAPTURES,
        default_status=DefaultSensorStatus.RUNNING,
    )
    def open_captures_sensor(
        context: SensorEvaluationContext,
        order_store: ResourceParam[OrderStore],
        capture_work: ResourceParam[CaptureWorks],
    ) -> RunRequest | SkipReason:
        """Launches `capture_orders` while captures or voids wait, unless a run of it is alive."""
        with order_store.open() as engine, reading(engine) as connection:
            if not any_waiting(connection) and not any_overdue(connection, capture_work.hours):
                return SkipReason("no capture or void waits")
        if any_alive(context.instance, CAPTURE_ORDERS, signs, silence_seconds, is_beating):
            return SkipReason("a run already captures orders")
        return RunRequest()

    return [open_captures_sensor]
