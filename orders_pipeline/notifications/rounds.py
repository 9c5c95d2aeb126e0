"""One round of notices: which are due, and their outcomes.

Only one process sends notices at a time, so that the limit per minute applies to all machines together. A
notice has the status `sending` from just before its message is sent until the answer is saved. If the process
dies in between, the notice becomes `unknown`: it may have arrived, so only a person can send it again.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, or_, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import NotificationStatus, SkipReason
from orders_pipeline.events.schedule import SECOND_US, next_try_at, paused_until
from orders_pipeline.notifications.mailing import Accepted, Later, Outcome, Refused, Unknown
from orders_pipeline.store.schema import customer_contacts, notification_sender, notifications
from orders_pipeline.store.statements.upsert import insert_into

# Must be longer than sending one message takes with the time limit of each answer.
HELD_SECONDS = 90
MINUTE_US = 60 * SECOND_US
DIED = "the process that sent it died before it saved the answer"
GAVE_UP = "given up after three days"
n, s = notifications.c, notification_sender.c
QUEUED, SENDING = n.status == NotificationStatus.QUEUED, n.status == NotificationStatus.SENDING


def hold(connection: Connection, holder: str) -> bool:
    """Acquires or renews the right of a process to send; returns whether the process has it now."""
    connection.execute(insert_into(connection, notification_sender).values(id=1).on_conflict_do_nothing())
    now = now_us()
    free = or_(s.holder.is_(None), s.holder == holder, s.held_until <= now)
    held = update(notification_sender).where(s.id == 1, free)
    values = {"holder": holder, "held_until": now + HELD_SECONDS * SECOND_US}
    return connection.execute(held.values(values)).rowcount == 1


def let_go(connection: Connection, holder: str) -> None:
    """Releases the right to send."""
    mine = update(notification_sender).where(s.holder == holder)
    connection.execute(mine.values(holder=None, held_until=None))


def settle_lost(connection: Connection) -> int:
    """Marks notices as unknown whose process died while sending.

    Called by the sending process between messages.
    """
    lost = update(notifications).where(SENDING)
    values = {"status": NotificationStatus.UNKNOWN, "settled_at": now_us(), "reason": DIED}
    return connection.execute(lost.values(values)).rowcount


def anything_to_do(connection: Connection) -> bool:
    """Whether a notice is due, or its process died while sending it."""
    query = select(n.id).where(or_(QUEUED, SENDING), n.next_try_at <= now_us()).limit(1)
    return connection.execute(query).first() is not None


def is_paused(connection: Connection) -> bool:
    """Whether sending is paused after failures of the mail server."""
    until = connection.scalar(select(s.paused_until))
    return until is not None and until > now_us()


def due(connection: Connection, most: int, per_minute: int) -> list[int]:
    """Returns the notices to send now, oldest first, within the limit per minute."""
    now = now_us()
    lately = connection.scalar(select(func.count()).where(n.tried_at > now - MINUTE_US)) or 0
    query = select(n.id).where(QUEUED, n.next_try_at <= now).order_by(n.next_try_at, n.id)
    return list(connection.scalars(query.limit(max(0, min(most, per_minute - lately)))))


def find(connection: Connection, number: int) -> Row[Any] | None:
    """Returns a queued notice with its customer's address; None if it is no longer queued."""
    contact = customer_contacts.c
    query = (
        select(notifications, contact.email, contact.language, contact.unsubscribed_at, contact.bounced_at)
        .outerjoin(customer_contacts, contact.customer_id == n.customer_id)
        .where(n.id == number, QUEUED)
    )
    return connection.execute(query).one_or_none()


def reason_to_skip(notice: Row[Any]) -> SkipReason | None:
    """Returns why a notice must not be sent any more; None if it may be sent."""
    if notice.email is None:
        return SkipReason.NO_ADDRESS
    if notice.unsubscribed_at is not None:
        return SkipReason.UNSUBSCRIBED
    return SkipReason.BOUNCED if notice.bounced_at is not None else None


def close(connection: Connection, number: int, status: NotificationStatus, reason: str | None = None) -> None:
    """Ends a notice that is not sent: it was skipped, cannot be rendered, or is only logged."""
    values = {"status": status, "reason": reason, "settled_at": now_us()}
    connection.execute(update(notifications).where(n.id == number, QUEUED).values(values))


def begin_sending(connection: Connection, number: int, holder: str) -> bool:
    """Records that the message of a notice is sent now; returns False if it must not be sent."""
    if not hold(connection, holder):
        return False
    sending = {"status": NotificationStatus.SENDING, "tried_at": now_us(), "tries": n.tries + 1}
    this = update(notifications).where(n.id == number, QUEUED)
    return connection.execute(this.values(sending)).rowcount == 1


def end_sending(connection: Connection, notice: Row[Any], channel: str, outcome: Outcome) -> None:
    """Saves the outcome of a notice, even if another process has marked it as unknown in the meantime."""
    now = now_us()
    values: dict[str, Any] = {"channel": channel, "tried_at": now, "settled_at": now, "reason": None}
    match outcome:
        case Accepted():
            values["status"] = NotificationStatus.SENT
            _note_success(connection, now)
        case Unknown(why):
            values |= {"status": NotificationStatus.UNKNOWN, "reason": why}
        case Refused(why, bounced):
            values |= {"status": NotificationStatus.FAILED, "reason": why}
            if bounced:
                _note_bounce(connection, notice, now)
        case Later(why):
            values |= _again(notice.tries + 1, why, now)
    ours = update(notifications).where(n.id == notice.id, n.status.in_(_OPEN), n.round == notice.round)
    connection.execute(ours.values(tries=notice.tries + 1, **values))


def note_failure(connection: Connection, why: str) -> None:
    """Records that the mail server cannot be reached or accepts no mail."""
    now = now_us()
    failures, since = connection.execute(select(s.failures, s.failing_since)).one()
    values = {"failures": failures + 1, "failing_since": since or now, "last_error": why}
    values["paused_until"] = paused_until(failures + 1, now)
    connection.execute(update(notification_sender).values(values))


_OPEN = (NotificationStatus.QUEUED, NotificationStatus.SENDING, NotificationStatus.UNKNOWN)


def _again(tries: int, why: str, now: int) -> dict[str, Any]:
    again = next_try_at(tries, now)
    if again is None:
        return {"status": NotificationStatus.FAILED, "reason": f"{GAVE_UP}: {why}"}
    return {"status": NotificationStatus.QUEUED, "next_try_at": again, "settled_at": None, "reason": why}


def _note_bounce(connection: Connection, notice: Row[Any], now: int) -> None:
    contact = customer_contacts.c
    same = update(customer_contacts).where(
        contact.customer_id == notice.customer_id, contact.email == notice.email
    )
    connection.execute(same.values(bounced_at=now))


def _note_success(connection: Connection, now: int) -> None:
    values = {"failures": 0, "failing_since": None, "paused_until": None, "last_success_at": now}
    connection.execute(update(notification_sender).values(values))
