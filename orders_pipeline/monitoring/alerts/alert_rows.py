"""The table of alerts. Each row is one alert, from when it is raised to when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, or_, select, update

from orders_pipeline.base.clock import to_datetime
from orders_pipeline.monitoring.alerts.remedies import remedy
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import alerts


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert. Times are in microseconds since 1970; `over_at` is empty while the alert is open.

    Attributes:
        subject: the object that the alert concerns, such as a queue or a partition key.
        seen_at: when its condition last held.
        told: whether a notice of its current state was sent.
    """

    id: int
    name: str
    subject: str
    detail: str
    raised_at: int
    seen_at: int
    over_at: int | None
    told: bool


def alert_document(alert: Alert) -> dict[str, Any]:
    """The JSON document of an alert; times in UTC."""
    return {
        "name": alert.name,
        "subject": alert.subject,
        "detail": alert.detail,
        "remedy": remedy(alert.name),
        "raised_at": _time(alert.raised_at),
        "over_at": _time(alert.over_at) if alert.over_at is not None else None,
    }


def open_alerts(connection: Connection) -> list[Alert]:
    """Open alerts, the oldest first."""
    return _alerts(connection, alerts.c.over_at.is_(None))


def alerts_since(connection: Connection, since: int) -> list[Alert]:
    """Open alerts and alerts that ended after `since`, the oldest first."""
    return _alerts(connection, or_(alerts.c.over_at.is_(None), alerts.c.over_at >= since))


def unsent_alerts(engine: Engine) -> list[Alert]:
    """Alerts whose current state was not sent yet, the oldest first."""
    with reading(engine) as connection:
        return _alerts(connection, alerts.c.told.is_(False))


def count_open(connection: Connection) -> dict[str, int]:
    """The number of open alerts by name."""
    query = select(alerts.c.name, func.count()).where(alerts.c.over_at.is_(None)).group_by(alerts.c.name)
    return dict(connection.execute(query).all())


def raise_alert(connection: Connection, name: str, subject: str, detail: str, now: int) -> None:
    """Opens an alert."""
    values = {"name": name, "subject": subject, "detail": detail}
    connection.execute(insert(alerts).values(**values, raised_at=now, seen_at=now, told=False))


def note_seen(connection: Connection, alert_id: int, detail: str, now: int) -> None:
    """Records that the condition of an open alert still holds, with its current detail."""
    connection.execute(update(alerts).where(alerts.c.id == alert_id).values(seen_at=now, detail=detail))


def end_alerts(connection: Connection, ids: Sequence[int], now: int) -> None:
    """Records the end of these alerts."""
    connection.execute(update(alerts).where(alerts.c.id.in_(ids)).values(over_at=now, told=False))


def mark_sent(engine: Engine, alert: Alert) -> None:
    """Records that a notice of this state of an alert was sent."""
    same_state = alerts.c.over_at.is_(None) if alert.over_at is None else alerts.c.over_at == alert.over_at
    with engine.begin() as connection:
        connection.execute(update(alerts).where(alerts.c.id == alert.id, same_state).values(told=True))


def _time(microseconds: int) -> str:
    return to_datetime(microseconds).isoformat(timespec="seconds")


def _alerts(connection: Connection, *conditions: object) -> list[Alert]:
    query = select(alerts).where(*conditions).order_by(alerts.c.id)  # type: ignore[arg-type]
    return [Alert(**row) for row in connection.execute(query).mappings()]


def title(name: str) -> str:
    """An alert's name for display. Works for names that this version does not know."""
    return name.replace("_", " ").capitalize()
