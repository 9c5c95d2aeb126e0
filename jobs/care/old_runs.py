"""Retention of Dagster's runs, events and logs.

Dagster's own `delete_run` also forgets what the run materialized: its partition would no longer count as
materialized. So a run that holds the latest materialization of any asset's partition stays, with that event
and no other.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster import DagsterEventType, DagsterInstance, RunsFilter
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from sqlalchemy import delete, func, select

from orders_pipeline.retention.removed import Removed

EMPTIED = "orders/events_removed"
MATERIALIZED = DagsterEventType.ASSET_MATERIALIZATION.value


def remove_old_runs(instance: DagsterInstance, days: int, *, dry: bool) -> list[Removed]:
    """Removes runs that ended more than so many days ago; those of latest materializations only lose the rest
    of their events and logs.
    """
    before = datetime.now(UTC) - timedelta(days=days)
    storage = _storage(instance)
    holding = set(_holding_latest(storage))
    old = instance.get_run_ids(RunsFilter(statuses=list(FINISHED_STATUSES), updated_before=before))
    emptied = set(instance.get_run_ids(RunsFilter(tags={EMPTIED: "true"})))
    whole = [run_id for run_id in old if run_id not in holding]
    to_empty = [run_id for run_id in old if run_id in holding and run_id not in emptied]
    if not dry:
        for run_id in whole:
            _delete(instance, storage, run_id)
        for run_id in to_empty:
            _empty(instance, storage, run_id)
    checks = _remove_check_results(storage, before, dry=dry)
    return [
        Removed("runs", len(whole), days),
        Removed("events_of_runs", len(to_empty), days),
        Removed("check_results", checks, days),
    ]


def _storage(instance: DagsterInstance) -> SqlEventLogStorage:
    storage = instance.event_log_storage
    # The one that dagster.yaml names may be loaded behind another that only hands on.
    storage = getattr(storage, "event_log_storage", storage)
    if not isinstance(storage, SqlEventLogStorage):
        raise TypeError(f"runs in a {type(storage).__name__} cannot be removed")
    return storage


def _holding_latest(storage: SqlEventLogStorage) -> Iterator[str]:
    """Ids of the runs that hold the latest materialization of any partition of any asset."""
    events = SqlEventLogStorageTable.c
    latest = (
        select(func.max(events.id))
        .where(events.dagster_event_type == MATERIALIZED)
        .group_by(events.asset_key, events.partition)
    )
    with storage.index_connection() as connection:
        yield from connection.execute(select(events.run_id).where(events.id.in_(latest)).distinct()).scalars()


def _delete(instance: DagsterInstance, storage: SqlEventLogStorage, run_id: str) -> None:
    _delete_logs(instance, run_id)
    instance.delete_run(run_id)
    if isinstance(storage, SqliteEventLogStorage):
        # Its events have a file of their own, which `delete_run` leaves behind at its full size.
        file = Path(storage.path_for_shard(run_id))
        for path in (file, *(file.with_name(file.name + side) for side in ("-wal", "-shm", "-journal"))):
            path.unlink(missing_ok=True)


def _empty(instance: DagsterInstance, storage: SqlEventLogStorage, run_id: str) -> None:
    _delete_logs(instance, run_id)
    events = SqlEventLogStorageTable.c
    others = delete(SqlEventLogStorageTable).where(
        events.run_id == run_id, func.coalesce(events.dagster_event_type, "") != MATERIALIZED
    )
    for connect in (storage.run_connection(run_id), storage.index_connection()):
        with connect as connection:
            connection.execute(others)
    if isinstance(storage, SqliteEventLogStorage):
        with closing(sqlite3.connect(storage.path_for_shard(run_id), timeout=30)) as shard:
            shard.execute("VACUUM")
    # Last: where this ends in between, the next time does it again.
    instance.add_run_tags(run_id, {EMPTIED: "true"})


def _delete_logs(instance: DagsterInstance, run_id: str) -> None:
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    # What ops handed on.
    shutil.rmtree(Path(instance.storage_directory()) / run_id, ignore_errors=True)


def _remove_check_results(storage: SqlEventLogStorage, before: datetime, *, dry: bool) -> int:
    """Removes old results of asset checks, except the latest of each check and partition."""
    results = AssetCheckExecutionsTable.c
    latest = select(func.max(results.id)).group_by(results.asset_key, results.check_name, results.partition)
    old = (results.create_timestamp < before.replace(tzinfo=None), results.id.not_in(latest))
    with storage.index_connection() as connection:
        if dry:
            query = select(func.count()).select_from(AssetCheckExecutionsTable).where(*old)
            return int(connection.execute(query).scalar_one())
        return int(connection.execute(delete(AssetCheckExecutionsTable).where(*old)).rowcount)
