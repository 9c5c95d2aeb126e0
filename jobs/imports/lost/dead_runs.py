"""Runs whose process died together with the processes that would have reported it.

Without this module, such a run would count against the limit of concurrent runs forever."""

from collections.abc import Hashable
from dataclasses import dataclass

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from sqlalchemy import Engine

from jobs.dagster_seams.runs import newest_event_id
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from jobs.imports.runs.small_files import IMPORT_SMALL_FILES
from jobs.runs import PARTITION_TAG, fail_run, imported_keys
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.imports.import_row import Import, find_import
from orders_pipeline.imports.small_files import first_unfinished
from orders_pipeline.imports.state.lost_imports import STARTING_TAKES, HeartbeatClock
from orders_pipeline.store.engine import reading

AT_WORK = (ImportStatus.STAGED, ImportStatus.RUNNING)
# Jobs whose steps log events only at the start and the end; a backup may take hours.
OTHER_JOBS_MAY_BE_SILENT_FOR = 24 * 3600.0
OLDER_RUNS_MAY_BE_SILENT_FOR = 300.0


@dataclass(frozen=True, slots=True)
class RunPatience:
    """Seconds for which a started run may be silent before it counts as dead.

    Attributes:
        run: for the run of an import that has ended; a starting process may take longer, see
            `STARTING_TAKES`.
        older_run: for a run of a running import that has a newer run, and for a run of many small files.
        other_job: for a run that imports nothing.
    """

    run: float
    older_run: float = OLDER_RUNS_MAY_BE_SILENT_FOR
    other_job: float = OTHER_JOBS_MAY_BE_SILENT_FOR


def fail_dead_runs(
    instance: DagsterInstance, engine: Engine, signs: HeartbeatClock, patience: RunPatience
) -> int:
    """Marks started runs that have been silent for too long as failed; returns their number.

    The watchdog of imports decides about the newest run of a running import, and about a run of many small
    files until it has finished them.
    """
    failed = 0
    for record in instance.get_run_records(RunsFilter(statuses=[DagsterRunStatus.STARTED])):
        run = record.dagster_run
        found = _import_of(engine, run)
        newest = _newest(instance, found) if found and found.status in AT_WORK else None
        if (newest and newest.run_id == run.run_id) or _has_files_left(engine, run):
            continue
        silent_for = signs.unchanged_for(("dead", run.run_id), _sign(instance, run, found, newest))
        if silent_for > _may_be_silent_for(run, found, patience):
            fail_run(instance, record, "the run's process is gone")
            failed += 1
    return failed


def runs_of(key: str) -> RunsFilter:
    """Returns the runs that import one file."""
    return RunsFilter(job_name=IMPORT_ORDERS, tags={PARTITION_TAG: key})


def _import_of(engine: Engine, run: DagsterRun) -> Import | None:
    key = run.tags.get(PARTITION_TAG) if run.job_name == IMPORT_ORDERS else None
    if key is None:
        return None
    with reading(engine) as connection:
        return find_import(connection, key)


def _has_files_left(engine: Engine, run: DagsterRun) -> bool:
    if run.job_name != IMPORT_SMALL_FILES:
        return False
    with reading(engine) as connection:
        return first_unfinished(connection, imported_keys(run)) is not None


def _newest(instance: DagsterInstance, found: Import) -> DagsterRun | None:
    record = next(iter(instance.get_run_records(runs_of(found.key), limit=1)), None)
    return record.dagster_run if record else None


def _sign(
    instance: DagsterInstance, run: DagsterRun, found: Import | None, newest: DagsterRun | None
) -> Hashable:
    # The heartbeat of an import may be that of a newer run.
    ours = found and not (newest and newest.status is DagsterRunStatus.STARTED)
    return newest_event_id(instance, run.run_id), found.run_beat_at if found and ours else None


def _may_be_silent_for(run: DagsterRun, found: Import | None, patience: RunPatience) -> float:
    if found is None:
        return patience.older_run if run.job_name == IMPORT_SMALL_FILES else patience.other_job
    return patience.older_run if found.status in AT_WORK else patience.run * STARTING_TAKES
