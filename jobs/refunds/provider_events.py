"""The hourly job that reads the payment provider's list of events."""

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
from orders_pipeline.payments.connect import PROVIDERS, connect_gateway, gateway_kind
from orders_pipeline.payments.gateway import EventSource
from orders_pipeline.refunds.gateway_events.missed_events import read_events
from orders_pipeline.refunds.requests.terms import RefundTerms
from resources.order_store import OrderStore

READ_PROVIDER_EVENTS = "read_provider_events"


def provider_events_job(settings: Settings, terms: RefundTerms) -> JobDefinition:
    """Returns the job that reads the provider's events."""

    @op(retry_policy=THREE_TRIES, tags=SHORT_WORK)
    def read_missed_events(context: OpExecutionContext, order_store: ResourceParam[OrderStore]) -> None:
        """Processes disputes and late refunds whose events were not received."""
        with permanent_failures(), order_store.open() as engine:
            gateway = connect_gateway(settings, engine)
            read = read_events(engine, terms, gateway) if isinstance(gateway, EventSource) else 0
        context.add_output_metadata({"events": read})

    @job(
        name=READ_PROVIDER_EVENTS,
        executor_def=in_process_executor,
        tags=RunGroup.MONEY.tag | RunPriority.CARE.tag,
    )
    def read_provider_events() -> None:
        """Reads the events of Stripe or Mollie, in case some were not received."""
        read_missed_events()

    return read_provider_events


def provider_events_schedule(settings: Settings) -> ScheduleDefinition:
    """The schedule of the job, on by default; it starts no run without such a provider."""

    @described_schedule(
        job_name=READ_PROVIDER_EVENTS,
        cron_schedule="35 * * * *",
        default_status=DefaultScheduleStatus.RUNNING,
    )
    def read_provider_events_schedule() -> RunRequest | SkipReason:
        """Every hour, if payments go to Stripe or Mollie."""
        if gateway_kind(settings) in PROVIDERS:
            return RunRequest()
        return SkipReason("the payment gateway keeps no list of events")

    return read_provider_events_schedule
