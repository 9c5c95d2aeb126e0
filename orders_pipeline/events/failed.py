"""Deliveries in the list of failures: lists them, sends them again, or removes them from the list."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update

from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.events.endpoints import IS_THERE
from orders_pipeline.store.schema import deliveries, events, webhook_endpoints

d = deliveries.c
IS_FAILED = d.failed_at.is_not(None)


class FailingEndpoint(NamedTuple):
    """An endpoint with events that are waiting or have failed.

    Attributes:
        failed: number of events in the list of failures.
        waiting_since: time of the oldest waiting event, in microseconds since 1970.
        error: why the last request failed.
    """

    id: int
    failed: int
    waiting_since: int | None
    error: str | None


def list_failed(
    connection: Connection, endpoint_id: int | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Returns deliveries that permanently failed, newest event first."""
    query = (
        select(
            d.endpoint_id, d.event_id, events.c.type, d.subject, events.c.at, d.tries, d.settled_at, d.error
        )
        .join(events, events.c.id == d.event_id)
        .where(IS_FAILED)
        .order_by(d.event_id.desc(), d.endpoint_id)
        .limit(limit)
    )
    if endpoint_id is not None:
        query = query.where(d.endpoint_id == endpoint_id)
    return [
        {
            "webhook": row.endpoint_id,
            "event": row.event_id,
            "type": row.type,
            "subject": row.subject,
            "at": to_datetime(row.at).isoformat(),
            "tries": row.tries,
            "failed_at": to_datetime(row.settled_at).isoformat(),
            "error": row.error,
        }
        for row in connection.execute(query)
    ]


def replay_failed(connection: Connection, endpoint_id: int, ids: Collection[int] = ()) -> int:
    """Sends events in the list of failures again, all or only these; returns the number of events."""
    return _replay(connection, endpoint_id, and_(IS_FAILED, *([d.event_id.in_(ids)] if ids else [])))


def replay_since(connection: Connection, endpoint_id: int, since: int) -> int:
    """Sends all events since a time again, including delivered ones; returns the number of events."""
    recent = select(events.c.id).where(events.c.at >= since)
    return _replay(connection, endpoint_id, d.event_id.in_(recent))


def dismiss_failed(connection: Connection, endpoint_id: int) -> int:
    """Removes an endpoint's failed events from the list; returns the number of events."""
    return connection.execute(delete(deliveries).where(d.endpoint_id == endpoint_id, IS_FAILED)).rowcount


def failing_endpoints(connection: Connection) -> list[FailingEndpoint]:
    """Returns the endpoints with events that are waiting or have failed."""
    found = []
    for number, error in connection.execute(
        select(webhook_endpoints.c.id, webhook_endpoints.c.last_error).where(IS_THERE).order_by("id")
    ).all():
        failed = select(func.count()).where(d.endpoint_id == number, IS_FAILED)
        one = FailingEndpoint(
            number, connection.execute(failed).scalar_one(), _waiting_since(connection, number), error
        )
        if one.failed or one.waiting_since is not None:
            found.append(one)
    return found


def _waiting_since(connection: Connection, endpoint_id: int) -> int | None:
    # Two queries, each of which reads one row of an index.
    mine = and_(d.endpoint_id == endpoint_id, d.settled_at.is_(None))
    untried = select(d.event_id).where(mine, d.message.is_(None)).order_by(d.event_id).limit(1)
    tried = select(d.message).where(mine, d.message.is_not(None)).order_by(d.message).limit(1)
    first = [number for query in (untried, tried) if (number := connection.scalar(query)) is not None]
    oldest = select(events.c.at).where(events.c.id == min(first)) if first else None
    return connection.scalar(oldest) if oldest is not None else None


def not_spread_since(connection: Connection) -> int | None:
    """Returns the time of the oldest event that was not spread yet, in microseconds since 1970."""
    query = select(events.c.at).where(events.c.spread_at.is_(None)).order_by(events.c.id).limit(1)
    return connection.scalar(query)


def _replay(connection: Connection, endpoint_id: int, chosen: ColumnElement[bool]) -> int:
    # A request keeps its events: with one of them, all are sent again.
    of_endpoint = and_(d.endpoint_id == endpoint_id, d.settled_at.is_not(None))
    messages = select(d.message).where(of_endpoint, chosen, d.message.is_not(None))
    these = or_(chosen, d.message.in_(messages))
    again = {"settled_at": None, "failed_at": None, "tries": 0, "next_try_at": now_us(), "error": None}
    return connection.execute(update(deliveries).where(of_endpoint, these).values(again)).rowcount
