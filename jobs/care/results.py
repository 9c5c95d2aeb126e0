"""The job that writes results to the outbox, and the sensor that launches it."""

from dagster import (
    DefaultSensorStatus,
    JobDefinition,
    OpExecutionContext,
    ResourceParam,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    in_process_executor,
    job,
    op,
)

from jobs import sensor_intervals
from jobs.described import described_sensor
from jobs.failures import permanent_failures
from jobs.runs import LONG_RUN, RunGroup, RunPriority, any_alive
from orders_pipeline.base.settings import Settings
from orders_pipeline.exports.outbox import Outbox
from orders_pipeline.exports.result_files import any_due, write_due_results
from orders_pipeline.imports.state.lost_imports import HeartbeatClock
from orders_pipeline.store.engine import reading
from resources.order_store import OrderStore

WRITE_RESULTS = "write_results"
# Seconds after which a run counts as dead. A run logs events only when it starts and ends. Two runs at the
# same time do no harm.
MAY_BE_SILENT_FOR_SECONDS = 3600.0


def results_job(settings: Settings) -> JobDefinition:
    """The job that writes results to the outbox."""

    @op
    def write_results_to_outbox(context: OpExecutionContext, order_store: ResourceParam[OrderStore]) -> None:
        """Writes results of finished files that are new or have changed since they were written."""
        if not settings.outbox:
            context.log.info("ORDERS_OUTBOX is not set.")
            return
        with permanent_failures(), order_store.open() as engine:
            written = write_due_results(engine, Outbox(settings.outbox), settings.staging_folder)
        if written.failure:
            # The alert `outbox_failing` reports it; the sensor tries again.
            context.log.error(written.failure)
        context.add_output_metadata({"files": len(written.names)})

    @job(
        name=WRITE_RESULTS,
        executor_def=in_process_executor,
        tags=RunGroup.CARE.tag | RunPriority.CARE.tag | LONG_RUN,
    )
    def write_results() -> None:
        """Writes the results of finished files to ORDERS_OUTBOX."""
        write_results_to_outbox()

    return write_results


def result_sensors(settings: Settings) -> list[SensorDefinition]:
    """The sensor of this module, on if an outbox is set."""
    signs = HeartbeatClock()

    @described_sensor(
        job_name=WRITE_RESULTS,
        minimum_interval_seconds=sensor_intervals.RESULTS,
        default_status=DefaultSensorStatus.RUNNING if settings.outbox else DefaultSensorStatus.STOPPED,
    )
    def results_sensor(
        context: SensorEvaluationContext, order_store: ResourceParam[OrderStore]
    ) -> RunRequest | SkipReason:
        """Launches `write_results` while results wait, unless a run of it is alive."""
        if not settings.outbox:
            return SkipReason("ORDERS_OUTBOX is not set")
        with order_store.open() as engine, reading(engine) as connection:
            if not any_due(connection):
                return SkipReason("the outbox has all results")
        if any_alive(context.instance, WRITE_RESULTS, signs, MAY_BE_SILENT_FOR_SECONDS):
            return SkipReason("a run already writes results")
        return RunRequest()

    return [results_sensor]
