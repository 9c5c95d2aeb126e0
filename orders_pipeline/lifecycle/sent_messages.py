"""Messages about an order to other systems and the customer: events with their deliveries, and notices."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from orders_pipeline.base.clock import shown_time
from orders_pipeline.store.schema import deliveries, events, notifications

DELIVERED, FAILED, WAITING = "delivered", "failed", "waiting"


def events_of(connection: Connection, order_id: int) -> list[dict[str, Any]]:
    """The events of an order, oldest first, with their deliveries. Retention removes old events."""
    e, d = events.c, deliveries.c
    query = select(e.id, e.type, e.at, e.attempt).where(e.order_id == order_id).order_by(e.id)
    rows = connection.execute(query).mappings().all()
    sent: dict[int, list[dict[str, Any]]] = defaultdict(list)
    of_events = select(deliveries).where(d.event_id.in_([row["id"] for row in rows])).order_by(d.endpoint_id)
    for row in connection.execute(of_events).mappings():
        sent[row["event_id"]].append(_delivery(row))
    return [{**row, "at": shown_time(row["at"]), "deliveries": sent[row["id"]]} for row in rows]


def _delivery(row: RowMapping) -> dict[str, Any]:
    ended = FAILED if row["failed_at"] else DELIVERED
    return {
        "webhook": row["endpoint_id"],
        "status": ended if row["settled_at"] else WAITING,
        "tries": row["tries"],
        "settled_at": shown_time(row["settled_at"]),
    }


def notices_of(connection: Connection, order_id: int) -> list[dict[str, Any]]:
    """The notices to the customer of an order, oldest first, without the address."""
    n = notifications.c
    columns = (n.id, n.type, n.attempt, n.channel, n.status, n.reason, n.created_at, n.settled_at)
    rows = connection.execute(select(*columns).where(n.order_id == order_id).order_by(n.id)).mappings()
    times = ("created_at", "settled_at")
    return [{**row, **{name: shown_time(row[name]) for name in times}} for row in rows]
