"""The partitions of `orders`: one for each order file."""

from collections.abc import Sequence

from dagster import DagsterInstance
from sqlalchemy.exc import IntegrityError

ORDER_FILES = "order_files"


def register_partition(instance: DagsterInstance, key: str) -> None:
    """Registers a staged file as a partition. Several processes may do so at the same time."""
    if instance.has_dynamic_partition(ORDER_FILES, key):
        return
    try:
        instance.add_dynamic_partitions(ORDER_FILES, [key])
    except IntegrityError:
        # Dagster checks before it inserts. Another process inserted the partition in between.
        if not instance.has_dynamic_partition(ORDER_FILES, key):
            raise


def register_partitions(instance: DagsterInstance, keys: Sequence[str]) -> None:
    """Registers many staged files at once, which takes hardly longer than registering one."""
    if not keys:
        return
    try:
        instance.add_dynamic_partitions(ORDER_FILES, list(keys))
    except IntegrityError:
        for key in keys:
            register_partition(instance, key)
