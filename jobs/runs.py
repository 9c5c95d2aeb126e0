"""Dagster's runs: groups of their statuses, the tag that names a run's partition, and giving one up."""

from dagster import DagsterInstance, DagsterRunStatus, RunRecord

from jobs.dagster_seams.runs import report_failed

PARTITION_TAG = "dagster/partition"

WAITING = (DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED)
FINISHED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
# A managed run has no process: Dagster stores it for work that is done elsewhere.
IN_PROGRESS = tuple(
    status for status in DagsterRunStatus if status not in (*WAITING, *FINISHED, DagsterRunStatus.MANAGED)
)


def fail_run(instance: DagsterInstance, record: RunRecord | None, reason: str) -> None:
    """Marks a run that has not ended as failed."""
    if record and not record.dagster_run.is_finished:
        report_failed(instance, record.dagster_run, f"Given up by the watchdog: {reason}.")
