"""The files with what sensors and schedules log in their ticks.

For: retention. Dagster removes old ticks, but not the log files of ticks.
Without it: the files stay for ever.
Instead: `retention` in dagster.yaml, once it removes these files too.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from dagster import DagsterInstance
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME

from jobs.dagster_seams.compute_logs import LocalLogs


def remove_tick_logs(instance: DagsterInstance, before: datetime, *, dry: bool) -> int:
    """Removes the log files of ticks before this time. Returns their number."""
    old = [file for file in _tick_logs(instance) if file.stat().st_mtime < before.timestamp()]
    for file in old if not dry else ():
        file.unlink(missing_ok=True)
    return len(old)


def _tick_logs(instance: DagsterInstance) -> Iterator[Path]:
    logs = instance.compute_log_manager
    if isinstance(logs, LocalLogs):
        of_repository = Path(logs.get_captured_local_path([SINGLETON_REPOSITORY_NAME], "err")).with_suffix("")
        yield from (path for path in of_repository.rglob("*") if path.is_file())
