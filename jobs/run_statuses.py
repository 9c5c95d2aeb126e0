"""Dagster's statuses of a run, in the groups that this project tells apart."""

from dagster import DagsterRunStatus

WAITING = (DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED)
FINISHED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
# A managed run has no process: Dagster stores it for work that is done elsewhere.
IN_PROGRESS = tuple(
    status for status in DagsterRunStatus if status not in (*WAITING, *FINISHED, DagsterRunStatus.MANAGED)
)
