"""The nightly removal of old files, rejects, runs and logs."""

from dagster import (
    DefaultScheduleStatus,
    JobDefinition,
    OpExecutionContext,
    ResourceParam,
    ScheduleDefinition,
    in_process_executor,
    job,
    op,
)

from jobs.care.old_runs import remove_old_runs
from jobs.failures import THREE_TRIES, permanent_failures
from jobs.runs import LONG_RUN, RunGroup, RunPriority
from orders_pipeline.base.settings import Settings
from orders_pipeline.retention.clean import clean_stores, note_removed
from resources.order_store import OrderStore

CLEAN_UP = "clean_up"


def retention_job(settings: Settings) -> JobDefinition:
    """The job that removes old files, rejects, runs and logs."""

    @op(retry_policy=THREE_TRIES)
    def remove_old_files_and_rejects(
        context: OpExecutionContext, order_store: ResourceParam[OrderStore]
    ) -> None:
        """Removes old batches, originals, rejects and files of the inbox."""
        with permanent_failures(), order_store.open() as engine:
            removed = clean_stores(engine, settings, CLEAN_UP, dry=False)
        context.add_output_metadata({one.what: one.number for one in removed})

    @op(retry_policy=THREE_TRIES)
    def remove_old_runs_and_events(
        context: OpExecutionContext, order_store: ResourceParam[OrderStore]
    ) -> None:
        """Removes old runs of Dagster, their events and logs."""
        if not settings.keep_runs_days:
            return
        with permanent_failures(), order_store.open() as engine:
            removed = remove_old_runs(context.instance, settings.keep_runs_days, dry=False)
            note_removed(engine, CLEAN_UP, removed, dry=False)
        context.add_output_metadata({one.what: one.number for one in removed})

    @job(
        name=CLEAN_UP,
        executor_def=in_process_executor,
        tags=RunGroup.CARE.tag | RunPriority.CARE.tag | LONG_RUN,
    )
    def clean_up() -> None:
        """Removes what is older than the ORDERS_KEEP_..._DAYS settings allow."""
        remove_old_files_and_rejects()
        remove_old_runs_and_events()

    return clean_up


def retention_schedule(settings: Settings) -> ScheduleDefinition:
    """Every night, after the backup."""
    return ScheduleDefinition(
        name=f"{CLEAN_UP}_schedule",
        job_name=CLEAN_UP,
        description="Every night, after the backup: removes data older than the settings allow.",
        cron_schedule="30 3 * * *",
        execution_timezone=settings.timezone,
        default_status=DefaultScheduleStatus.RUNNING,
    )
