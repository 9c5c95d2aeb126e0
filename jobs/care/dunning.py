"""The next attempts of declined payments, and their schedule."""

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
from orders_pipeline.base.settings import Settings, listed
from orders_pipeline.failed_work.dunning import DueAgain, any_due, due_again, retry_due
from resources.order_store import OrderStore

RETRY_DECLINED = "retry_declined"
EVERY_QUARTER_OF_AN_HOUR = "10,25,40,55 * * * *"


def _due(settings: Settings) -> DueAgain:
    return due_again(settings.hours_of_dunning, listed(settings.dunning_reasons))


def retry_declined_job(settings: Settings) -> JobDefinition:
    """Returns the job that starts the next attempts."""

    @op(retry_policy=THREE_TRIES, tags=SHORT_WORK)
    def retry_due_payments(context: OpExecutionContext, order_store: ResourceParam[OrderStore]) -> None:
        """Starts the next attempt of each order whose declined payment is due again."""
        with permanent_failures(), order_store.open() as engine:
            retried = retry_due(engine, _due(settings), settings.transaction_orders)
        context.add_output_metadata({"retried": retried})

    @job(
        name=RETRY_DECLINED, executor_def=in_process_executor, tags=RunGroup.MONEY.tag | RunPriority.CARE.tag
    )
    def retry_declined() -> None:
        """Retries payments that were declined for a passing reason, as ORDERS_DUNNING_HOURS says."""
        retry_due_payments()

    return retry_declined


def retry_declined_schedule(settings: Settings) -> ScheduleDefinition:
    """The schedule of the job, on by default; it starts no run while no payment is due."""

    @described_schedule(
        job_name=RETRY_DECLINED,
        cron_schedule=EVERY_QUARTER_OF_AN_HOUR,
        default_status=DefaultScheduleStatus.RUNNING,
    )
    def retry_declined_schedule(order_store: ResourceParam[OrderStore]) -> RunRequest | SkipReason:
        """Every quarter of an hour, if a declined payment is due for another attempt."""
        if not settings.hours_of_dunning:
            return SkipReason("ORDERS_DUNNING_HOURS is not set")
        with order_store.open() as engine:
            if any_due(engine, _due(settings)):
                return RunRequest()
        return SkipReason("no declined payment is due")

    return retry_declined_schedule
