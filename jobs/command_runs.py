"""Runs that commands execute in their own process, and the runs that killed commands leave behind.

Without `orders up`, no process watches such runs. The next command on the machine marks them as failed.
"""

import os
from contextlib import suppress
from pathlib import Path

from dagster import DagsterInstance, RunsFilter

from jobs.runs import IN_PROGRESS, fail_run
from orders_pipeline.base.process_fields import process_fields

PROCESS_TAG = "orders/process"
# Position of the start time of a process in /proc/PID/stat, counted after the program's name.
START = 19


def process_tag() -> dict[str, str]:
    """Returns a tag that identifies this process; empty if the system has no /proc."""
    machine, started = _machine(), _started(os.getpid())
    return {PROCESS_TAG: f"{machine}/{os.getpid()}/{started}"} if machine and started else {}


def fail_killed_runs(instance: DagsterInstance) -> int:
    """Marks runs of commands as failed if their process on this machine no longer exists.

    Returns their number.
    """
    failed = 0
    for record in instance.get_run_records(RunsFilter(statuses=list(IN_PROGRESS))):
        if _is_gone(record.dagster_run.tags.get(PROCESS_TAG, "")):
            fail_run(instance, record, "the command that executed it was killed")
            failed += 1
    return failed


def _is_gone(process: str) -> bool:
    machine, _, identity = process.partition("/")
    if not identity or machine != _machine():
        return False
    pid, _, started = identity.partition("/")
    return _started(int(pid)) != started


def _machine() -> str:
    """Returns an id of the running system. Containers have process numbers of their own."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{Path('/proc/self/ns/pid').readlink()}"
    return ""


def _started(pid: int) -> str:
    """Returns when a process started, in ticks since the boot; empty if there is no such process."""
    fields = process_fields(pid)
    return fields[START] if fields else ""
