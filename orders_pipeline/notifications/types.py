"""The types of events about which customers get notices, stored in the order store.

The transaction that causes an event reads them there, because it has no access to the settings.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Engine, delete, select

from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import notification_types
from orders_pipeline.store.statements.upsert import insert_into


def keep_notification_types(engine: Engine, wanted: Iterable[str]) -> None:
    """Writes the types in the settings to the store; usually the store already has them."""
    types = set(wanted)
    with reading(engine) as connection:
        if set(connection.scalars(select(notification_types.c.type))) == types:
            return
    with engine.begin() as connection:
        connection.execute(delete(notification_types).where(notification_types.c.type.not_in(types)))
        if types:
            rows = [{"type": one} for one in sorted(types)]
            connection.execute(insert_into(connection, notification_types).on_conflict_do_nothing(), rows)
