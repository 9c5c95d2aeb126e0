"""Dagster's runs: groups of statuses, tags, the files that they import, and marking dead runs as failed."""

from collections.abc import Callable, Sequence
from enum import IntEnum, StrEnum
from typing import Any

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunRecord, RunsFilter

from jobs.dagster_seams.runs import newest_event_id, report_failed
from orders_pipeline.imports.state.lost_imports import HeartbeatClock

PARTITION_TAG = "dagster/partition"
PRIORITY_TAG = "dagster/priority"
# dagster.yaml limits the number of runs with this tag, so that short runs do not wait for long ones.
LONG_RUN = {"orders/long_run": "true"}
# The op of a shared run whose config names its files.
SHARE_OUT, KEYS = "share_out_files", "keys"

# A step that calls the gateway logs events only when it starts and ends, and may wait for minutes. Marking a
# living run as failed does no harm, because each refund, capture or void is claimed by one process.
GATEWAY_RUN_MAY_BE_SILENT_SECONDS = 900.0
# Seconds without a heartbeat or event. A heartbeat stays valid for half a minute, and on a busy machine a
# process takes long to start.
WITHOUT_BEAT_SECONDS, STARTING_SECONDS = 45.0, 120.0
# Tells whether the run with this id sends heartbeats; None if this is unknown.
IsBeating = Callable[[str], bool | None]
WAITING = (DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED)
FINISHED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
# A managed run has no process: Dagster stores it for work that is done elsewhere.
IN_PROGRESS = tuple(
    status for status in DagsterRunStatus if status not in (*WAITING, *FINISHED, DagsterRunStatus.MANAGED)
)


class RunPriority(IntEnum):
    """Priorities of waiting runs. Dagster starts the run with the highest priority first, then the oldest.

    Imports that are launched again have priority over new files of the inbox, because their orders hold
    stock.
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


class RunGroup(StrEnum):
    """The purpose of a run, by which the list of runs in Dagster can be filtered."""

    IMPORTS = "imports"
    MONEY = "money"
    FIGURES = "figures"
    CARE = "care"

    @property
    def tag(self) -> dict[str, str]:
        """The tag of the runs of a job in this group."""
        return {"orders/group": self.value}


def imported_keys(run: DagsterRun) -> list[str]:
    """Returns the partition keys of the files that a run imports: one, or several if they share the run."""
    if key := run.tags.get(PARTITION_TAG):
        return [key]
    ops: Any = run.run_config.get("ops", {})
    return list(ops.get(SHARE_OUT, {}).get("config", {}).get(KEYS, []))


def unended_runs(instance: DagsterInstance, job_name: str, limit: int | None = None) -> Sequence[RunRecord]:
    """Returns the runs of a job that are waiting or running, newest first."""
    unended = RunsFilter(job_name=job_name, statuses=[*WAITING, *IN_PROGRESS])
    return instance.get_run_records(unended, limit=limit)


def unknown(_run_id: str) -> None:
    """Returns None: the heartbeats of runs are unknown."""


def any_alive(
    instance: DagsterInstance,
    job_name: str,
    signs: HeartbeatClock,
    silence_seconds: float,
    is_beating: IsBeating = unknown,
) -> bool:
    """Whether a run of a job is waiting or running. Marks a started run without a sign of life as failed.

    Otherwise a run whose process died unnoticed would stay STARTED and keep sensors from launching the next
    one.

    Args:
        signs: the signs of life of this job's runs, kept from one call to the next.
        silence_seconds: used while heartbeats are unknown; must be longer than a working run logs no event.
    """
    alive = False
    for record in unended_runs(instance, job_name):
        run = record.dagster_run
        beats = is_beating(run.run_id)
        silent_for = signs.unchanged_for(run.run_id, (newest_event_id(instance, run.run_id), beats))
        if run.status in WAITING or beats or silent_for < _may_be_silent_for(run, beats, silence_seconds):
            alive = True
        else:
            fail_run(instance, record, "the run's process is gone")
    return alive


def _may_be_silent_for(run: DagsterRun, beats: bool | None, silence_seconds: float) -> float:
    if beats is None:
        return silence_seconds
    return WITHOUT_BEAT_SECONDS if run.status is DagsterRunStatus.STARTED else STARTING_SECONDS


def fail_run(instance: DagsterInstance, record: RunRecord | None, reason: str) -> None:
    """Marks a run that has not ended as failed."""
    if record and not record.dagster_run.is_finished:
        report_failed(instance, record.dagster_run, f"Given up by the watchdog: {reason}.")
