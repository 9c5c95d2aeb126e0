"""Runs that commands execute in their own process, and what a killed command leaves of them.

Without `orders up`, nobody watches such runs. The next command on the machine marks them as failed.
"""

import os
from contextlib import suppress
from pathlib import Path

from dagster import DagsterInstance, RunsFilter

from jobs.runs import IN_PROGRESS, fail_run

PROCESS_TAG = "orders/process"
# Position of a process's start in /proc/PID/stat, counted after the program's name.
START = 19


def process_tag() -> dict[str, str]:
    """A tag that names this process; empty where the system does not tell."""
    machine, started = _machine(), _started(os.getpid())
    return {PROCESS_TAG: f"{machine}/{os.getpid()}/{started}"} if machine and started else {}


def fail_killed_runs(instance: DagsterInstance) -> int:
    """Marks the runs of commands as failed whose process on this machine is gone. Returns how many."""
    failed = 0
    for record in instance.get_run_records(RunsFilter(statuses=list(IN_PROGRESS))):
        if _is_gone(record.dagster_run.tags.get(PROCESS_TAG, "")):
            fail_run(instance, record, "the command that executed it was killed")
            failed += 1
    return failed


def _is_gone(process: str) -> bool:
    machine, _, told = process.partition("/")
    if not told or machine != _machine():
        return False
    pid, _, started = told.partition("/")
    return _started(int(pid)) != started


def _machine() -> str:
    """Identifies the running system. Containers have process numbers of their own."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{Path('/proc/self/ns/pid').readlink()}"
    return ""


def _started(pid: int) -> str:
    """When a process started, in ticks since the boot; empty if there is no such process."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[START]
    return ""
