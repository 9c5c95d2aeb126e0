"""Synchronises the partitions of refused files with their dismissal, in both directions.

Dagster shows the partition of a refused file as failed for as long as the partition exists.
"""

from collections.abc import Iterator

from dagster import DagsterInstance
from sqlalchemy import Engine

from jobs.imports.partitions import ORDER_FILES
from orders_pipeline.failed_work.dismiss import Refusal, dismiss_imports, dismissed_since, open_refusals
from orders_pipeline.store.engine import reading

ACTOR, BECAUSE = "dagster", "its partition was deleted"


def delete_dismissed(instance: DagsterInstance, engine: Engine, since_us: int) -> list[str]:
    """Deletes the partitions of refused files that were dismissed since a time; returns their keys."""
    with reading(engine) as connection:
        dismissed = dismissed_since(connection, since_us)
    known = [key for key in dismissed if instance.has_dynamic_partition(ORDER_FILES, key)]
    for key in known:
        instance.delete_dynamic_partition(ORDER_FILES, key)
    return known


def dismiss_deleted(instance: DagsterInstance, engine: Engine) -> list[str]:
    """Dismisses refused files whose partitions were deleted in Dagster; returns their keys."""
    with reading(engine) as connection:
        refused = open_refusals(connection)
    deleted = list(_deleted(instance, refused))
    if deleted:
        with engine.begin() as connection:
            dismiss_imports(connection, deleted, ACTOR, BECAUSE)
    return deleted


def _deleted(instance: DagsterInstance, refused: list[Refusal]) -> Iterator[str]:
    for one in refused:
        # A new Dagster instance has neither the run nor the partition. Then nobody has deleted the partition.
        gone = not instance.has_dynamic_partition(ORDER_FILES, one.key)
        if gone and instance.get_run_by_id(one.run_id):
            yield one.key
