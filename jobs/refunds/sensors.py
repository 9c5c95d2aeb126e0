"""The sensor of waiting refunds: requested over HTTP, approved, retried, or left by a process that died."""

from dagster import (
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
)

from jobs import sensor_intervals
from jobs.described import described_sensor
from jobs.refunds.refund_orders import REFUND_ORDERS
from jobs.runs import GATEWAY_RUN_MAY_BE_SILENT_SECONDS, IsBeating, any_alive, unknown
from orders_pipeline.imports.state.lost_imports import HeartbeatClock
from orders_pipeline.refunds.gateway_events.gateway_events import try_waiting_events
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.refunds.settle import any_waiting
from orders_pipeline.store.engine import reading
from resources.order_store import OrderStore


def refund_sensors(
    terms: RefundTerms,
    is_beating: IsBeating = unknown,
    silence_seconds: float = GATEWAY_RUN_MAY_BE_SILENT_SECONDS,
) -> list[SensorDefinition]:
    """Returns all sensors of this module, on by default.

    Args:
        is_beating: tells whether a run sends heartbeats.
        silence_seconds: seconds after which a run without events counts as dead, if its heartbeat is unknown.
    """
    signs = HeartbeatClock()

    @described_sensor(
        job_name=REFUND_ORDERS,
        minimum_interval_seconds=sensor_intervals.OPEN_REFUNDS,
        default_status=DefaultSensorStatus.RUNNING,
    )
    def open_refunds_sensor(
        context: SensorEvaluationContext, order_store: ResourceParam[OrderStore]
    ) -> RunRequest | SkipReason:
        """Launches `refund_orders` while refunds wait, unless a run of it is alive.

        It also tries events of the gateway again that arrived before their order or refund was stored.
        """
        with order_store.open() as engine:
            try_waiting_events(engine, terms)
            with reading(engine) as connection:
                if not any_waiting(connection):
                    return SkipReason("no refund waits")
        if any_alive(context.instance, REFUND_ORDERS, signs, silence_seconds, is_beating):
            return SkipReason("a run already makes refunds")
        return RunRequest()

    return [open_refunds_sensor]
