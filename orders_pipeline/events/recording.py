"""Records events in the transaction that causes them, if webhooks or notices to customers need them.

Call these functions last in a transaction, when its locks are held. Then the ids of an order's events have
the order in which the events happened.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, exists, insert, literal, select, union_all

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import EventType
from orders_pipeline.store.schema import (
    customer_contacts,
    events,
    notification_types,
    orders,
    webhook_subscriptions,
)
from orders_pipeline.store.statements.order_sets import OrderSet

WEBHOOKS, NOTICES = "webhooks", "notices"


class NewEvent(NamedTuple):
    """The content of an event.

    Attributes:
        subject: the id of what the event is about; None for an order.
        order: order id and attempt, if the event is about an order.
    """

    subject: str | None
    data: dict[str, Any]
    order: tuple[int, int] | None = None


def is_wanted(connection: Connection, kind: EventType) -> bool:
    """Whether a webhook subscribed to events of this type, or customers get notices about them."""
    return bool(_wanted_by(connection, kind))


def record_moves(connection: Connection, moving: OrderSet, kind: EventType) -> None:
    """Records an event for each order of a set. Its content is read later from the order and its attempt."""
    if wanted_by := _wanted_by(connection, kind):
        rows = select(literal(kind.value), literal(now_us()), orders.c.id, orders.c.attempt)
        rows = rows.where(moving.here).order_by(orders.c.id)
        if WEBHOOKS not in wanted_by:
            # Only customers can get it.
            rows = rows.where(exists().where(customer_contacts.c.customer_id == orders.c.customer_id))
        connection.execute(insert(events).from_select(["type", "at", "order_id", "attempt"], rows))


def record_events(connection: Connection, kind: EventType, new: Iterable[NewEvent]) -> None:
    """Records events whose content is stored with them."""
    if not is_wanted(connection, kind):
        return
    now = now_us()
    rows = [
        {
            "type": kind,
            "at": now,
            "order_id": one.order[0] if one.order else None,
            "attempt": one.order[1] if one.order else None,
            "subject": one.subject,
            "data": one.data,
        }
        for one in new
    ]
    if rows:
        connection.execute(insert(events), rows)


def _wanted_by(connection: Connection, kind: EventType) -> list[str]:
    wanting = {WEBHOOKS: webhook_subscriptions.c.type, NOTICES: notification_types.c.type}
    asked = [select(literal(name)).where(exists().where(type_ == kind)) for name, type_ in wanting.items()]
    return list(connection.scalars(union_all(*asked)))
