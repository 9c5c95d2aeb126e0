"""Launches the imports of files from the inbox."""

from collections.abc import Sequence

from dagster import DagsterInstance, RunRequest, RunsFilter
from sqlalchemy import Engine

from jobs.imports.partitions import register_partitions
from jobs.runs import RunPriority
from orders_pipeline.imports.to_launch import ToLaunch, imports_to_launch, note_launched
from orders_pipeline.store.engine import reading

RUN_KEY_TAG = "dagster/run_key"
# Dagster makes the runs of a tick one after the other, and the sensor does not look again before.
LAUNCHED_AT_ONCE = 25


def launch_requests(instance: DagsterInstance, engine: Engine) -> list[RunRequest]:
    """Requests for the runs of imports that have none yet.

    An import stays in the list until its run exists: if the daemon dies now, the same run is requested again.
    """
    asked_before = _waiting(engine)
    launched = _launched(instance, asked_before)
    if launched:
        with engine.begin() as connection:
            note_launched(connection, launched)
    waiting = _waiting(engine)
    register_partitions(instance, [one.key for one in waiting])
    return [
        RunRequest(run_key=one.run_key, partition_key=one.key, tags=RunPriority.INBOX.tag) for one in waiting
    ]


def _waiting(engine: Engine) -> list[ToLaunch]:
    with reading(engine) as connection:
        return imports_to_launch(connection, LAUNCHED_AT_ONCE)


def _launched(instance: DagsterInstance, waiting: Sequence[ToLaunch]) -> list[ToLaunch]:
    if not waiting:
        return []
    records = instance.get_run_records(RunsFilter(tags={RUN_KEY_TAG: [one.run_key for one in waiting]}))
    run_keys = {record.dagster_run.tags[RUN_KEY_TAG] for record in records}
    return [one for one in waiting if one.run_key in run_keys]
