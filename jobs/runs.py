"""Dagster's runs: groups of their statuses, their tags, the files that they import, and giving one up."""

from enum import IntEnum
from typing import Any

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunRecord

from jobs.dagster_seams.runs import report_failed

PARTITION_TAG = "dagster/partition"
PRIORITY_TAG = "dagster/priority"
# dagster.yaml limits the number of runs with this tag, so that short runs do not wait for long ones.
LONG_RUN = {"orders/long_run": "true"}
# The op of a shared run whose config names its files.
SHARE_OUT, KEYS = "share_out_files", "keys"

WAITING = (DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED)
FINISHED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
# A managed run has no process: Dagster stores it for work that is done elsewhere.
IN_PROGRESS = tuple(
    status for status in DagsterRunStatus if status not in (*WAITING, *FINISHED, DagsterRunStatus.MANAGED)
)


class RunPriority(IntEnum):
    """Which waiting run Dagster starts next: the one with the highest priority, then the oldest.

    Imports that are launched again come before new files of the inbox, because their orders hold stock.
    """

    FIGURES = 50
    CARE = 40
    ASKED_FOR = 30
    RELAUNCH = 20
    INBOX = 10

    @property
    def tag(self) -> dict[str, str]:
        """The tag of a job or a run with this priority."""
        return {PRIORITY_TAG: str(int(self))}


def imported_keys(run: DagsterRun) -> list[str]:
    """Partition keys of the files that a run imports: one, or many if they share the run."""
    if key := run.tags.get(PARTITION_TAG):
        return [key]
    ops: Any = run.run_config.get("ops", {})
    return list(ops.get(SHARE_OUT, {}).get("config", {}).get(KEYS, []))


def fail_run(instance: DagsterInstance, record: RunRecord | None, reason: str) -> None:
    """Marks a run that has not ended as failed."""
    if record and not record.dagster_run.is_finished:
        report_failed(instance, record.dagster_run, f"Given up by the watchdog: {reason}.")
