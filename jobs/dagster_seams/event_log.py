"""The tables of Dagster's event log, and on SQLite the event file of each run.

For: retention of runs that keeps the latest materialization of each partition.
Without it: `delete_run`, the only public method, also deletes the materializations of the run's partitions.
Instead: a retention setting for events in dagster.yaml, which supports ticks only.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from dagster import DagsterEventType, DagsterInstance
from dagster._core.instance.utils import RUNLESS_RUN_ID
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from sqlalchemy import delete, func, select

EventLog = SqlEventLogStorage
MATERIALIZED = DagsterEventType.ASSET_MATERIALIZATION.value


def event_log(instance: DagsterInstance) -> EventLog:
    """Returns the event log of an instance.

    Raises:
        TypeError: the event log is not stored in SQL.
    """
    storage = instance.event_log_storage
    # The storage in dagster.yaml may be wrapped in another one that only forwards calls.
    storage = getattr(storage, "event_log_storage", storage)
    if not isinstance(storage, SqlEventLogStorage):
        raise TypeError(f"runs in a {type(storage).__name__} cannot be removed")
    return storage


def holders_of_latest(log: EventLog) -> Iterator[str]:
    """Yields the ids of runs with the latest materialization of any partition of any asset."""
    events = SqlEventLogStorageTable.c
    latest = (
        select(func.max(events.id))
        .where(events.dagster_event_type == MATERIALIZED)
        .group_by(events.asset_key, events.partition)
    )
    with log.index_connection() as connection:
        yield from connection.execute(select(events.run_id).where(events.id.in_(latest)).distinct()).scalars()


def remove_other_events(log: EventLog, run_id: str) -> None:
    """Removes all events of a run except its materializations."""
    events = SqlEventLogStorageTable.c
    others = delete(SqlEventLogStorageTable).where(
        events.run_id == run_id, func.coalesce(events.dagster_event_type, "") != MATERIALIZED
    )
    for connect in (log.run_connection(run_id), log.index_connection()):
        with connect as connection:
            connection.execute(others)
    if isinstance(log, SqliteEventLogStorage):
        with closing(sqlite3.connect(log.path_for_shard(run_id), timeout=30)) as shard:
            shard.execute("VACUUM")


def remove_event_file(log: EventLog, run_id: str) -> None:
    """Removes a deleted run's event file on SQLite, which `delete_run` does not remove or shrink."""
    if isinstance(log, SqliteEventLogStorage):
        file = Path(log.path_for_shard(run_id))
        for path in (file, *(file.with_name(file.name + side) for side in ("-wal", "-shm", "-journal"))):
            path.unlink(missing_ok=True)


def remove_check_results(log: EventLog, before: datetime, *, dry: bool) -> int:
    """Removes old check results, except the latest of each check and partition; returns their number."""
    results = AssetCheckExecutionsTable.c
    latest = select(func.max(results.id)).group_by(results.asset_key, results.check_name, results.partition)
    old = (results.create_timestamp < before.replace(tzinfo=None), results.id.not_in(latest))
    with log.index_connection() as connection:
        if dry:
            query = select(func.count()).select_from(AssetCheckExecutionsTable).where(*old)
            return int(connection.execute(query).scalar_one())
        return int(connection.execute(delete(AssetCheckExecutionsTable).where(*old)).rowcount)


def remove_runless_events(log: EventLog, before: datetime, *, dry: bool) -> int:
    """Removes old events that belong to no run, except the latest of each asset and partition."""
    events = SqlEventLogStorageTable.c
    latest = select(func.max(events.id)).group_by(
        events.asset_key, events.partition, events.dagster_event_type
    )
    old = (
        events.run_id == RUNLESS_RUN_ID,
        events.timestamp < before.replace(tzinfo=None),
        events.id.not_in(latest),
    )
    with log.index_connection() as connection:
        if dry:
            query = select(func.count()).select_from(SqlEventLogStorageTable).where(*old)
            return int(connection.execute(query).scalar_one())
        return int(connection.execute(delete(SqlEventLogStorageTable).where(*old)).rowcount)
