"""Removes old notices to customers. A notice that waits is given up long before it is this old."""

from __future__ import annotations

from sqlalchemy import Engine, delete, func, select

from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import notifications


def remove_notifications(engine: Engine, before: int, *, dry: bool) -> int:
    """Removes notices that were made before a time, in microseconds; returns how many."""
    old = notifications.c.created_at < before
    if dry:
        with reading(engine) as connection:
            return connection.execute(select(func.count()).where(old)).scalar_one()
    with engine.begin() as connection:
        return connection.execute(delete(notifications).where(old)).rowcount
