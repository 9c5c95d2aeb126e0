"""Creates notices from recorded events, for customers with an email address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import ColumnElement, Connection, and_, case, literal, null, or_, select

from orders_pipeline.base.clock import duration_us, now_us
from orders_pipeline.base.model import EventType, NotificationStatus, PaymentMethod, RefundKind, SkipReason
from orders_pipeline.events.spread import Also
from orders_pipeline.notifications.terms import NoticeTerms
from orders_pipeline.store.schema import (
    customer_contacts,
    events,
    notification_types,
    notifications,
    orders,
)
from orders_pipeline.store.statements.many_values import among
from orders_pipeline.store.statements.upsert import insert_into

OF_REFUNDS = (EventType.ORDER_REFUNDED, EventType.REFUND_FAILED)


def queueing(terms: NoticeTerms) -> Also:
    """Returns the function that creates notices from events on these terms."""
    return partial(queue_notices, terms)


def queue_notices(terms: NoticeTerms, connection: Connection, ids: Sequence[int]) -> None:
    """Adds a notice for each of these events about which customers are notified. Idempotent.

    Notices that must not be sent are added as skipped, with the reason.
    """
    e, contact, now = events.c, customer_contacts.c, literal(now_us())
    reason = _reason_to_skip(terms)
    rows = (
        select(e.id, e.type, e.order_id, e.attempt, orders.c.customer_id, literal(terms.channel.value))
        .add_columns(case((reason.is_(None), NotificationStatus.QUEUED), else_=NotificationStatus.SKIPPED))
        .add_columns(e.data, e.at, now, now, case((reason.is_not(None), now)), reason)
        .join(notification_types, notification_types.c.type == e.type)
        .join(orders, orders.c.id == e.order_id)
        .join(customer_contacts, contact.customer_id == orders.c.customer_id)
        # There are no notices about disputes, which are between the customer and the bank.
        .where(among(connection, e.id, ids), e.data["kind"].as_string().is_distinct_from(RefundKind.DISPUTE))
        .order_by(e.id)
    )
    columns = ["event_id", "type", "order_id", "attempt", "customer_id", "channel", "status", "data"]
    columns += ["event_at", "created_at", "next_try_at", "settled_at", "reason"]
    insert = insert_into(connection, notifications).from_select(columns, rows)
    connection.execute(insert.on_conflict_do_nothing(index_elements=["event_id"]))


def _reason_to_skip(terms: NoticeTerms) -> ColumnElement[str | None]:
    contact, e = customer_contacts.c, events.c
    old = orders.c.ordered_at < e.at - duration_us(timedelta(days=terms.order_days))
    recorded = e.data["method"].as_string() == PaymentMethod.RECORDED
    return case(
        (contact.unsubscribed_at.is_not(None), SkipReason.UNSUBSCRIBED),
        (contact.bounced_at.is_not(None), SkipReason.BOUNCED),
        (and_(old, or_(e.type.not_in(OF_REFUNDS), recorded)), SkipReason.ORDER_TOO_OLD),
        else_=null(),
    )
