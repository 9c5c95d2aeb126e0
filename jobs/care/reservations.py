"""The sweep of expired reservations, and its schedule."""

from collections.abc import Sequence

from dagster import (
    DefaultScheduleStatus,
    JobDefinition,
    OpExecutionContext,
    ResourceParam,
    RunRequest,
    ScheduleDefinition,
    SkipReason,
    in_process_executor,
    job,
    op,
)

from jobs.described import described_schedule
from jobs.failures import THREE_TRIES, permanent_failures
from jobs.runs import RunGroup, RunPriority
from jobs.workers.work import SHORT_WORK
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.state.heartbeat import wait_for_heartbeats
from orders_pipeline.lifecycle import expiry
from resources.figures import FigureStores
from resources.order_store import OrderStore

SWEEP_RESERVATIONS = "sweep_reservations"
EVERY_FIVE_MINUTES = "*/5 * * * *"


def upkeep_jobs(settings: Settings) -> Sequence[JobDefinition]:
    """All jobs of this module."""

    @op(retry_policy=THREE_TRIES, tags=SHORT_WORK)
    def expire_reservations(context: OpExecutionContext, figures: ResourceParam[FigureStores]) -> None:
        """Rolls back orders whose reservation has expired, unless a run is working on their import."""
        with permanent_failures(), figures.open() as published:
            expired = expiry.expire_reservations(
                published.engine, settings.run_patience, settings.transaction_orders, wait_for_heartbeats
            )
            published.live.publish()
        context.add_output_metadata({"expired": expired})

    @job(
        name=SWEEP_RESERVATIONS,
        executor_def=in_process_executor,
        tags=RunGroup.CARE.tag | RunPriority.CARE.tag,
    )
    def sweep_reservations() -> None:
        """Rolls back expired reservations and returns their units to stock."""
        expire_reservations()

    return [sweep_reservations]


def upkeep_schedules(settings: Settings) -> Sequence[ScheduleDefinition]:
    """All schedules of this module, on by default."""

    @described_schedule(
        job_name=SWEEP_RESERVATIONS,
        cron_schedule=EVERY_FIVE_MINUTES,
        default_status=DefaultScheduleStatus.RUNNING,
    )
    def sweep_reservations_schedule(order_store: ResourceParam[OrderStore]) -> RunRequest | SkipReason:
        """Every five minutes, if a reservation has expired."""
        with order_store.open() as engine:
            if expiry.any_expired(engine, settings.run_patience):
                return RunRequest()
        return SkipReason("no reservation has expired")

    return [sweep_reservations_schedule]
