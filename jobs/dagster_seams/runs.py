"""Access to runs beyond the documented methods of `DagsterInstance`.

For: the watchdog, which reads the newest event of runs and marks dead runs as failed; the retention of runs;
error messages of failed runs on the command line; `orders doctor`.
Without it: dead runs stay STARTED forever, and their files stay on disk.
Instead: documented methods of `DagsterInstance`, which exist for reading and deleting runs only.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from dagster import DagsterEvent, DagsterInstance, DagsterRun
from dagster_shared.error import SerializableErrorInfo


def report_failed(instance: DagsterInstance, run: DagsterRun, message: str) -> None:
    """Marks a run as failed, whether or not its process is alive."""
    instance.report_run_failed(run, message)


def newest_event_id(instance: DagsterInstance, run_id: str) -> int:
    """Returns the id of the run's newest event, which increases with each event; 0 if there is none."""
    records = instance.get_records_for_run(run_id, limit=1, ascending=False).records
    return max((record.storage_id for record in records), default=0)


def error_of(event: DagsterEvent) -> SerializableErrorInfo | None:
    """Returns the error of a failure event; None for other events."""
    return getattr(event.event_specific_data, "error", None) if event.is_failure else None


def first_causes(instance: DagsterInstance, run_id: str) -> Iterator[str]:
    """Yields the root error messages of a failed run, without duplicates and wrapping errors."""
    seen = set()
    for entry in instance.all_logs(run_id):
        error = error_of(entry.dagster_event) if entry.dagster_event else None
        while error and error.cause:
            error = error.cause
        if error and error.message not in seen:
            seen.add(error.message)
            yield error.message.strip()


def tag_run(instance: DagsterInstance, run_id: str, tags: Mapping[str, str]) -> None:
    """Adds tags to an existing run."""
    instance.add_run_tags(run_id, dict(tags))


def remove_files(instance: DagsterInstance, run_id: str) -> None:
    """Removes the output of a run's steps, and the values passed between its ops."""
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    shutil.rmtree(Path(instance.storage_directory()) / run_id, ignore_errors=True)


def count_runs(instance: DagsterInstance) -> int:
    """Returns the number of runs in the instance."""
    return instance.get_runs_count()


def silent_daemons(instance: DagsterInstance) -> list[str]:
    """Returns the names of required daemons without a recent heartbeat."""
    statuses = instance.get_daemon_statuses().items()
    return sorted(name for name, status in statuses if status.required and not status.healthy)
