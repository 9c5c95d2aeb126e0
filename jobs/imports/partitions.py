"""The partitions of `orders`: one an order file."""

from dagster import DagsterInstance
from sqlalchemy.exc import IntegrityError

ORDER_FILES = "order_files"


def register_partition(instance: DagsterInstance, key: str) -> None:
    """Makes a staged file known to Dagster, whoever else does so at the same time."""
    if instance.has_dynamic_partition(ORDER_FILES, key):
        return
    try:
        instance.add_dynamic_partitions(ORDER_FILES, [key])
    except IntegrityError:
        # Dagster looks and then inserts; another process came between.
        if not instance.has_dynamic_partition(ORDER_FILES, key):
            raise
