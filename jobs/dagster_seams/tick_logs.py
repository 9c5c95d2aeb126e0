"""The log files of the ticks of sensors and schedules.

For: retention. Dagster removes old ticks, but not their log files.
Without it: the files are never removed.
Instead: `retention` in dagster.yaml, once it removes these files too.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from dagster import DagsterInstance
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME

from jobs.dagster_seams.compute_logs import LocalLogs


def remove_tick_logs(instance: DagsterInstance, before: datetime, *, dry: bool) -> int:
    """Removes the log files of ticks before this time; returns their number."""
    old = [file for file in _tick_logs(instance) if file.stat().st_mtime < before.timestamp()]
    for file in old if not dry else ():
        file.unlink(missing_ok=True)
    return len(old)


def _tick_logs(instance: DagsterInstance) -> Iterator[Path]:
    logs = instance.compute_log_manager
    if isinstance(logs, LocalLogs):
        of_repository = Path(logs.get_captured_local_path([SINGLETON_REPOSITORY_NAME], "err")).with_suffix("")
        yield from (path for path in of_repository.rglob("*") if path.is_file())
