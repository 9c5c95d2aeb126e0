"""Actions of operators on notices to customers, each recorded in the audit trail."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, update

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import NotificationStatus
from orders_pipeline.notifications.listing import Document, UnknownNotificationError, find_notification
from orders_pipeline.store.schema import customer_contacts, notifications

n, c = notifications.c, customer_contacts.c
OPEN = (NotificationStatus.QUEUED, NotificationStatus.SENDING)


class StillOpenError(ValueError):
    """A notice has no final status yet, so it cannot be sent again."""

    def __init__(self, number: int, status: str) -> None:
        super().__init__(f"Notice {number} is {status}. Only one that has ended can be sent again.")


class UnknownContactError(LookupError):
    """The store has no address of this customer."""

    def __init__(self) -> None:
        super().__init__("The store has no address of this customer.")


def resend(connection: Connection, number: int, actor: str) -> Document:
    """Queues a notice with a final status again; returns it.

    A sent notice gets another `Message-ID`. Otherwise the notice keeps its own, so that a mail program that
    already has the mail shows it only once.

    Raises:
        UnknownNotificationError: there is no such notice.
        StillOpenError: the notice has no final status yet.
    """
    row = connection.execute(select(n.status).where(n.id == number).with_for_update()).one_or_none()
    if row is None:
        raise UnknownNotificationError(number)
    if row.status in OPEN:
        raise StillOpenError(number, row.status)
    again = {"status": NotificationStatus.QUEUED, "next_try_at": now_us(), "settled_at": None, "tries": 0}
    rounds = n.round + 1 if row.status == NotificationStatus.SENT else n.round
    connection.execute(update(notifications).where(n.id == number).values(reason=None, round=rounds, **again))
    record_action(connection, actor, "notifications.resend", str(number), was=row.status)
    return find_notification(connection, number)


def customer_of(connection: Connection, number: int) -> str:
    """Returns the id of the customer of a notice. Raises UnknownNotificationError."""
    return str(find_notification(connection, number)["customer_id"])


def unsubscribe(connection: Connection, customer: str, actor: str) -> None:
    """Stops notices to a customer. Raises UnknownContactError."""
    _change(connection, customer, unsubscribed_at=func.coalesce(c.unsubscribed_at, now_us()))
    record_action(connection, actor, "notifications.unsubscribe", customer)


def subscribe(connection: Connection, customer: str, actor: str) -> None:
    """Resumes notices to a customer who was unsubscribed or whose address bounced.

    Raises:
        UnknownContactError: the store has no address of the customer.
    """
    _change(connection, customer, unsubscribed_at=None, bounced_at=None)
    record_action(connection, actor, "notifications.subscribe", customer)


def _change(connection: Connection, customer: str, **values: object) -> None:
    this = update(customer_contacts).where(c.customer_id == customer)
    if not connection.execute(this.values(values)).rowcount:
        raise UnknownContactError
