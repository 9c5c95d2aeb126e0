"""Lists and counts notices to customers, without their addresses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from orders_pipeline.base.clock import end_of_day, now_us, start_of_day, to_datetime
from orders_pipeline.base.model import Notifications, NotificationStatus
from orders_pipeline.store.schema import notification_sender, notifications, orders, sources

Document = dict[str, Any]
n = notifications.c


class UnknownNotificationError(LookupError):
    """No notice has this id."""

    def __init__(self, number: int) -> None:
        super().__init__(f"No notice has the id {number}.")


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    """Conditions for listing notices. An empty condition is not applied.

    Attributes:
        type: an event, such as `order.completed`.
        order: number of an order.
        first, last: days on which the notice was created, both included, in the time zone.
        before: only notices with a smaller id are listed.
    """

    type: str | None = None
    channel: Notifications | None = None
    status: NotificationStatus | None = None
    customer: str | None = None
    order: str | None = None
    source: str | None = None
    first: date | None = None
    last: date | None = None
    zone: tzinfo = UTC
    before: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Returns the conditions on the tables `notifications`, `orders` and `sources`."""
        said: list[ColumnElement[bool] | None] = [
            n.type == self.type if self.type else None,
            n.channel == self.channel if self.channel else None,
            n.status == self.status if self.status else None,
            n.customer_id == self.customer if self.customer is not None else None,
            orders.c.number == self.order if self.order is not None else None,
            sources.c.name == self.source if self.source is not None else None,
            n.created_at >= start_of_day(self.first, self.zone) if self.first else None,
            n.created_at <= end_of_day(self.last, self.zone) if self.last else None,
            n.id < self.before if self.before is not None else None,
        ]
        return [one for one in said if one is not None]


def list_notifications(
    connection: Connection, wanted: NotificationFilter, limit: int
) -> tuple[list[Document], int | None]:
    """Returns the notices that meet the conditions, newest first.

    And the value of `before` for the next page.
    """
    query = _query().where(*wanted.conditions()).order_by(n.id.desc()).limit(limit + 1)
    rows = [_document(dict(row)) for row in connection.execute(query).mappings()]
    page = rows[:limit]
    return page, page[-1]["id"] if len(rows) > limit else None


def find_notification(connection: Connection, number: int) -> Document:
    """Returns a notice.

    Raises:
        UnknownNotificationError: there is no such notice.
    """
    row = connection.execute(_query().where(n.id == number)).mappings().one_or_none()
    if row is None:
        raise UnknownNotificationError(number)
    return _document(dict(row))


def notification_stats(connection: Connection, today: date, zone: tzinfo) -> Document:
    """Returns numbers of notices by status, type and channel, and whether notices can be sent."""
    by_status, by_type, by_channel = (_counts(connection, column) for column in (n.status, n.type, n.channel))
    sent_today = (n.status == NotificationStatus.SENT, n.settled_at >= start_of_day(today, zone))
    found = connection.execute(select(notification_sender)).mappings().one_or_none()
    sender = dict(found) if found else {}
    return {
        "total": sum(by_type.values()),
        "by_status": {status.value: by_status.get(status, 0) for status in NotificationStatus},
        "by_type": by_type,
        "by_channel": by_channel,
        "sent_today": connection.scalar(select(func.count()).where(*sent_today)),
        "waiting_since": _time(waiting_since(connection)),
        "failing_since": _time(sender.get("failing_since")),
        "last_error": sender.get("last_error"),
        "last_success_at": _time(sender.get("last_success_at")),
        "timestamp": _time(now_us()),
    }


def waiting_since(connection: Connection) -> int | None:
    """Returns when the oldest notice that was not tried yet was queued, in microseconds since 1970."""
    untried = (n.status == NotificationStatus.QUEUED, n.tries == 0)
    oldest: int | None = connection.scalar(select(func.min(n.next_try_at)).where(*untried))
    return oldest


def _counts(connection: Connection, column: ColumnElement[str]) -> dict[str, int]:
    query = select(column, func.count()).group_by(column).order_by(column)
    return dict(connection.execute(query).all())


def _query() -> Select[Any]:
    return (
        select(notifications, orders.c.number, sources.c.name.label("source"))
        .join(orders, orders.c.id == n.order_id)
        .join(sources, sources.c.id == orders.c.source_id)
    )


def _document(row: Document) -> Document:
    return {
        "id": row["id"],
        "order_number": row["number"],
        "source": row["source"],
        "customer_id": row["customer_id"],
        "type": row["type"],
        "channel": row["channel"],
        "status": row["status"],
        "reason": row["reason"],
        "attempts": row["tries"],
        "created_at": _time(row["created_at"]),
        "next_try_at": _time(row["next_try_at"]) if row["status"] == NotificationStatus.QUEUED else None,
        "sent_at": _time(row["settled_at"]) if row["status"] == NotificationStatus.SENT else None,
    }


def _time(microseconds: int | None) -> str | None:
    return to_datetime(microseconds).isoformat(timespec="seconds") if microseconds is not None else None
