"""The nightly backup of the order store."""

from dagster import (
    DefaultScheduleStatus,
    Failure,
    JobDefinition,
    MetadataValue,
    OpExecutionContext,
    ResourceParam,
    ScheduleDefinition,
    in_process_executor,
    job,
    op,
)

from jobs.failures import THREE_TRIES, permanent_failures
from jobs.runs import LONG_RUN, RunGroup, RunPriority
from orders_pipeline.backup.backup import back_up, remove_old
from orders_pipeline.base.settings import Settings
from resources.order_store import OrderStore

BACK_UP = "back_up"


def backup_job(settings: Settings) -> JobDefinition:
    """The job that backs up the order store."""

    @op(retry_policy=THREE_TRIES)
    def back_up_order_store(context: OpExecutionContext, order_store: ResourceParam[OrderStore]) -> None:
        """Backs up the order store and removes old backups."""
        folder = settings.backup_folder
        if folder is None:
            raise Failure("ORDERS_BACKUP_FOLDER is not set.", allow_retries=False)
        with permanent_failures(), order_store.open() as engine:
            made = back_up(engine, settings, folder)
            removed = remove_old(made.file, settings.backups_kept)
        context.add_output_metadata(
            {
                "file": MetadataValue.path(str(made.file)),
                "bytes": made.bytes,
                "orders": made.rows["orders"],
                "removed": [path.name for path in removed],
            }
        )

    @job(
        name=BACK_UP,
        executor_def=in_process_executor,
        tags=RunGroup.CARE.tag | RunPriority.CARE.tag | LONG_RUN,
    )
    def back_up_stores() -> None:
        """Backs up the order store, from which all figures can be computed again."""
        back_up_order_store()

    return back_up_stores


def backup_schedule(settings: Settings) -> ScheduleDefinition:
    """Every night, if a folder for backups is set."""
    on = DefaultScheduleStatus.RUNNING if settings.backup_folder else DefaultScheduleStatus.STOPPED
    return ScheduleDefinition(
        name=f"{BACK_UP}_schedule",
        job_name=BACK_UP,
        description="Every night: backs up the order store, if a folder for backups is set.",
        cron_schedule="30 2 * * *",
        execution_timezone=settings.timezone,
        default_status=on,
    )
