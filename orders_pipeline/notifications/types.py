"""The types of events of which customers get notices, as the order store has them.

The transaction that makes an event true reads them there, because it knows no settings.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Engine, delete, select

from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import notification_types
from orders_pipeline.store.upsert import insert_into


def keep_notification_types(engine: Engine, wanted: Iterable[str]) -> None:
    """Brings the store to the settings; usually it has the same types already."""
    types = set(wanted)
    with reading(engine) as connection:
        if set(connection.scalars(select(notification_types.c.type))) == types:
            return
    with engine.begin() as connection:
        connection.execute(delete(notification_types).where(notification_types.c.type.not_in(types)))
        if types:
            rows = [{"type": one} for one in sorted(types)]
            connection.execute(insert_into(connection, notification_types).on_conflict_do_nothing(), rows)
