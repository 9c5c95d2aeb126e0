"""What `DagsterInstance` knows of runs and has no documented method for.

For: the watchdog, which fails runs and looks at their newest event; the retention of runs; messages of failed
runs on the command line; `orders doctor`.
Without it: dead runs stay STARTED for ever, and their files stay on disk.
Instead: documented methods of `DagsterInstance`, which exist for reading and deleting runs only.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from dagster import DagsterEvent, DagsterInstance, DagsterRun
from dagster_shared.error import SerializableErrorInfo


def report_failed(instance: DagsterInstance, run: DagsterRun, message: str) -> None:
    """Ends a run as failed, whatever its process does."""
    instance.report_run_failed(run, message)


def newest_event_id(instance: DagsterInstance, run_id: str) -> int:
    """Number of the run's newest event, which grows with each event; 0 where it has none."""
    records = instance.get_records_for_run(run_id, limit=1, ascending=False).records
    return max((record.storage_id for record in records), default=0)


def error_of(event: DagsterEvent) -> SerializableErrorInfo | None:
    """The error of an event that tells of a failure; None for other events."""
    return getattr(event.event_specific_data, "error", None) if event.is_failure else None


def first_causes(instance: DagsterInstance, run_id: str) -> Iterator[str]:
    """Messages of what made a run fail, each once and without the errors that wrap it."""
    seen = set()
    for entry in instance.all_logs(run_id):
        error = error_of(entry.dagster_event) if entry.dagster_event else None
        while error and error.cause:
            error = error.cause
        if error and error.message not in seen:
            seen.add(error.message)
            yield error.message.strip()


def tag_run(instance: DagsterInstance, run_id: str, tags: Mapping[str, str]) -> None:
    """Adds tags to a run that exists."""
    instance.add_run_tags(run_id, dict(tags))


def remove_files(instance: DagsterInstance, run_id: str) -> None:
    """Removes what a run's steps printed, and what its ops handed on."""
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    shutil.rmtree(Path(instance.storage_directory()) / run_id, ignore_errors=True)


def count_runs(instance: DagsterInstance) -> int:
    """How many runs the instance keeps."""
    return instance.get_runs_count()


def silent_daemons(instance: DagsterInstance) -> list[str]:
    """Names of the daemons that this instance needs and that have no fresh heartbeat."""
    statuses = instance.get_daemon_statuses().items()
    return sorted(name for name, status in statuses if status.required and not status.healthy)
