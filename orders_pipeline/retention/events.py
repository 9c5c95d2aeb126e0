"""Removes old events with their deliveries. Deliveries are given up long before they are this old."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, delete, func, select

from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import deliveries, events

EVENTS_AT_ONCE = 10_000


def remove_events(engine: Engine, before: int, *, dry: bool) -> int:
    """Removes events from before a time, in microseconds; returns how many."""
    old = events.c.at < before
    if dry:
        with reading(engine) as connection:
            return connection.execute(select(func.count()).select_from(events).where(old)).scalar_one()
    removed = 0
    while True:
        with engine.begin() as connection:
            number = _remove_first(connection, before)
        removed += number
        if number < EVENTS_AT_ONCE:
            return removed


def _remove_first(connection: Connection, before: int) -> int:
    """Removes the old ones among the first events. Events are nearly in the order of their times."""
    first = select(events.c.id, events.c.at).order_by(events.c.id).limit(EVENTS_AT_ONCE)
    ids = [number for number, at in connection.execute(first) if at < before]
    if ids:
        connection.execute(delete(deliveries).where(deliveries.c.event_id.in_(ids)))
        connection.execute(delete(events).where(events.c.id.in_(ids)))
    return len(ids)
