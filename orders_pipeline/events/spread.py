"""Assigns recorded events to the endpoints that subscribed to them, and to notices to customers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Engine, case, insert, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.events.endpoints import IS_THERE
from orders_pipeline.store.schema import (
    deliveries,
    events,
    orders,
    sources,
    webhook_endpoints,
    webhook_subscriptions,
)
from orders_pipeline.store.statements.many_values import among

EVENTS_AT_ONCE = 2_500
# Called with the ids of recorded events, for their other uses.
Also = Callable[[Connection, Sequence[int]], None]


def nothing_else(_connection: Connection, _ids: Sequence[int]) -> None:
    """The default: events are sent to endpoints only."""


def spread_events(engine: Engine, also: Also = nothing_else) -> int:
    """Assigns the oldest new events to their endpoints; returns the number of events.

    Args:
        also: creates notices to customers from the events, in the same transaction.
    """
    with engine.begin() as connection:
        # Only one process does this at a time, so that no event overtakes an older one of the same subject.
        connection.execute(
            select(webhook_endpoints.c.id).where(IS_THERE).order_by("id").with_for_update()
        ).all()
        waiting = (
            select(events.c.id)
            .where(events.c.spread_at.is_(None))
            .order_by(events.c.id)
            .limit(EVENTS_AT_ONCE)
        )
        ids = list(connection.scalars(waiting))
        if ids:
            also(connection, ids)
            _spread(connection, ids)
        return len(ids)


def any_to_spread(connection: Connection) -> bool:
    """Whether an event was not assigned to its endpoints yet."""
    return (
        connection.execute(select(events.c.id).where(events.c.spread_at.is_(None)).limit(1)).first()
        is not None
    )


def _spread(connection: Connection, ids: list[int]) -> None:
    of_order = sources.c.name.concat("/").concat(orders.c.number)
    these = among(connection, events.c.id, ids)
    subject = case((events.c.subject.is_(None), of_order), else_=events.c.subject)
    rows = (
        select(events.c.id, webhook_subscriptions.c.endpoint_id, subject)
        .join(webhook_subscriptions, webhook_subscriptions.c.type == events.c.type)
        .outerjoin(orders, orders.c.id == events.c.order_id)
        .outerjoin(sources, sources.c.id == orders.c.source_id)
        .where(these)
    )
    connection.execute(insert(deliveries).from_select(["event_id", "endpoint_id", "subject"], rows))
    connection.execute(update(events).where(these).values(spread_at=now_us()))
