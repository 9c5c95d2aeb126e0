"""Launches imports: a run for each file of the inbox, or one run for many small files or reopened imports.

Each run has an overhead of two to three seconds, so many small files share a run. Only some runs are launched
at a time. The other imports wait in the store, where they delay neither larger files nor figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dagster import DagsterInstance, DagsterRunStatus, RunRequest, RunsFilter
from sqlalchemy import Engine

from jobs.imports.launching.readiness import missing_for_imports
from jobs.imports.partitions import register_partitions
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from jobs.imports.runs.shared_runs import shared_runs
from jobs.imports.runs.small_files import IMPORT_SMALL_FILES, shared_run
from jobs.runs import IN_PROGRESS, PARTITION_TAG, WAITING, RunPriority, imported_keys, unended_runs
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.import_row import Import
from orders_pipeline.imports.state.to_launch import ToLaunch, imports_to_launch, note_launched
from orders_pipeline.store.engine import reading

RUN_KEY_TAG = "dagster/run_key"
SHARED_RUN_AGAIN_AFTER = timedelta(minutes=1)
WITHOUT_SUCCESS = [DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


@dataclass(frozen=True, slots=True)
class LaunchLimits:
    """Limits for sharing runs, and for the number of runs at a time.

    Attributes:
        small_bytes: size up to which a file may share a run.
        more_than: number of waiting small files and runs of one file up to which each file gets its own run.
        files_a_run: largest number of files that share a run.
        shared_runs: largest number of shared runs that have not ended.
        own_runs: largest number of runs of one file that have not ended.
        at_once: largest number of runs of one file that one tick launches. Dagster creates them one after the
            other, and the sensor's next tick is after that.
    """

    small_bytes: int = 256 * 1024
    more_than: int = 10
    files_a_run: int = 300
    shared_runs: int = 2
    own_runs: int = 50
    at_once: int = 25


LIMITS = LaunchLimits()


class FilesWaitError(RuntimeError):
    """Small files wait, because a run could not import them now. If this lasts, an alert is raised."""

    def __init__(self, files: int, missing: str) -> None:
        super().__init__(f"{files} small files wait until {missing} answers")


@dataclass(frozen=True, slots=True)
class Launched:
    """The runs that have not ended: the files that they import, and the numbers of runs."""

    keys: frozenset[str] = frozenset()
    shared_runs: int = 0
    own_runs: int = 0


@dataclass(frozen=True, slots=True)
class ToRun:
    """The files to launch now: those that get their own run, and groups that share a run."""

    alone: list[ToLaunch]
    together: list[list[ToLaunch]]


def launch_requests(
    instance: DagsterInstance, engine: Engine, limits: LaunchLimits = LIMITS
) -> list[RunRequest]:
    """Returns requests for runs of one file each.

    An import stays in the list until its run exists. If the daemon dies before that, the same run is
    requested again. If a run dies before its first step, the watchdog launches it again.
    """
    chosen = _chosen(instance, engine, limits).alone
    launched = _launched(instance, chosen)
    if launched:
        with engine.begin() as connection:
            note_launched(connection, launched)
    new = [one for one in chosen if one not in launched]
    register_partitions(instance, [one.key for one in new])
    return [RunRequest(run_key=one.run_key, partition_key=one.key, tags=RunPriority.INBOX.tag) for one in new]


def shared_requests(
    instance: DagsterInstance, engine: Engine, settings: Settings, limits: LaunchLimits = LIMITS
) -> list[RunRequest]:
    """Returns requests for shared runs of small files. An import stays in the list until a run starts it.

    Raises:
        FilesWaitError: workers or the payment gateway do not answer.
    """
    groups = [[one.key for one in group] for group in _chosen(instance, engine, limits).together]
    failed = _failed_before_they_began(instance)
    ready = [keys for keys in groups if failed.isdisjoint(keys)]
    if ready and (missing := missing_for_imports(settings, engine)):
        raise FilesWaitError(sum(len(keys) for keys in ready), missing)
    return [shared_run(keys) for keys in ready]


def is_left(instance: DagsterInstance, engine: Engine) -> bool:
    """Whether imports must wait until other runs have ended."""
    with reading(engine) as connection:
        waiting = imports_to_launch(connection)
    launched = launched_now(instance).keys
    return any(one.key not in launched and one.dropped_at is not None for one in waiting)


def keys_to_share(instance: DagsterInstance, engine: Engine, limits: LaunchLimits = LIMITS) -> set[str]:
    """Returns partition keys of imports that will share runs, now or after other shared runs have ended."""
    with reading(engine) as connection:
        waiting = imports_to_launch(connection)
    return {one.key for one in _sharing(waiting, launched_now(instance), limits)}


def groups_to_share(
    instance: DagsterInstance, found: Sequence[Import], limits: LaunchLimits = LIMITS
) -> list[list[str]]:
    """Returns groups of partition keys for which a command launches shared runs, one after the other."""
    waiting = [ToLaunch(one.key, one.file_bytes, awaits_run=one.awaits_run) for one in found]
    sharing = _sharing(waiting, Launched(launched_now(instance).keys), limits)
    return [[one.key for one in group] for group in _groups(sharing, limits.files_a_run)]


def choose(waiting: Sequence[ToLaunch], launched: Launched, limits: LaunchLimits) -> ToRun:
    """Chooses the files to launch now, oldest first.

    The watchdog launches each reopened import in its own run.
    """
    sharing = _sharing(waiting, launched, limits)
    left = launched.keys | {one.key for one in sharing}
    alone = [one for one in waiting if one.key not in left and one.dropped_at is not None]
    own_runs = min(limits.at_once, max(limits.own_runs - launched.own_runs, 0))
    shared_runs = max(limits.shared_runs - launched.shared_runs, 0)
    return ToRun(alone[:own_runs], _groups(sharing, limits.files_a_run)[:shared_runs])


def is_under_way(instance: DagsterInstance, key: str, since: datetime) -> bool:
    """Whether Dagster has a run of this import that was launched since a time and has not ended."""
    own = RunsFilter(tags={PARTITION_TAG: key}, statuses=[*WAITING, *IN_PROGRESS])
    shared = [one for one in shared_runs(instance) if key in imported_keys(one.dagster_run)]
    return any(one.create_timestamp >= since for one in [*instance.get_run_records(own), *shared])


def launched_now(instance: DagsterInstance) -> Launched:
    """Returns the imports that Dagster is running or has queued."""
    own, shared = unended_runs(instance, IMPORT_ORDERS), shared_runs(instance)
    keys = (key for record in [*own, *shared] for key in imported_keys(record.dagster_run))
    return Launched(frozenset(keys), len(shared), len(own))


def _sharing(waiting: Sequence[ToLaunch], launched: Launched, limits: LaunchLimits) -> list[ToLaunch]:
    left = [one for one in waiting if one.key not in launched.keys]
    small = [one for one in left if one.awaits_run and one.file_bytes <= limits.small_bytes]
    return small if len(small) + launched.own_runs > limits.more_than else []


def _groups(files: list[ToLaunch], size: int) -> list[list[ToLaunch]]:
    return [files[start : start + size] for start in range(0, len(files), size)]


def _chosen(instance: DagsterInstance, engine: Engine, limits: LaunchLimits) -> ToRun:
    with reading(engine) as connection:
        waiting = imports_to_launch(connection)
    return choose(waiting, launched_now(instance), limits)


def _launched(instance: DagsterInstance, chosen: Sequence[ToLaunch]) -> list[ToLaunch]:
    if not chosen:
        return []
    records = instance.get_run_records(RunsFilter(tags={RUN_KEY_TAG: [one.run_key for one in chosen]}))
    run_keys = {record.dagster_run.tags[RUN_KEY_TAG] for record in records}
    return [one for one in chosen if one.run_key in run_keys]


def _failed_before_they_began(instance: DagsterInstance) -> set[str]:
    """Returns the files of shared runs that failed a moment ago.

    Launching them again would fail at each tick.
    """
    filters = RunsFilter(
        job_name=IMPORT_SMALL_FILES,
        statuses=WITHOUT_SUCCESS,
        updated_after=datetime.now(UTC) - SHARED_RUN_AGAIN_AFTER,
    )
    records = instance.get_run_records(filters)
    return {key for record in records for key in imported_keys(record.dagster_run)}
