"""Raises and ends alerts, and sends one notice for each change.

The rules give the conditions that hold now, the table gives the open alerts. Each difference is recorded and
sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from orders_pipeline.base.clock import to_datetime
from orders_pipeline.monitoring.alerts import alert_rows
from orders_pipeline.monitoring.alerts.alert_rows import Alert, title
from orders_pipeline.monitoring.alerts.alert_rules import AlertName, Condition
from orders_pipeline.monitoring.alerts.notices import Channels, Notice, send_notice

MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes to record in the table of alerts."""

    raised: list[tuple[AlertName, Condition]]
    seen: list[tuple[Alert, str]]
    over: list[Alert]


def decide(
    known: Iterable[Alert], judged: Mapping[AlertName, list[Condition]], now: int, quiet_us: int
) -> Changes:
    """Decides which alerts begin, continue and end.

    Args:
        known: open alerts.
        judged: conditions that hold, by alert. An alert missing here could not be judged and stays open.
        quiet_us: microseconds without the condition after which its alert ends.
    """
    holding = {(name, one.subject): one for name, conditions in judged.items() for one in conditions}
    by_identity = {(alert.name, alert.subject): alert for alert in known}
    gone = [alert for identity, alert in by_identity.items() if identity not in holding]
    return Changes(
        raised=[
            (name, one) for (name, subject), one in holding.items() if (name, subject) not in by_identity
        ],
        seen=[(by_identity[key], one.detail) for key, one in holding.items() if key in by_identity],
        over=[alert for alert in gone if alert.name in judged and now - alert.seen_at >= quiet_us],
    )


def keep_alerts(
    engine: Engine, judged: Mapping[AlertName, list[Condition]], now: int, quiet_minutes: float
) -> Changes:
    """Records which alerts begin, continue and end."""
    with engine.begin() as connection:
        changes = decide(alert_rows.open_alerts(connection), judged, now, int(quiet_minutes * MINUTE_US))
        for name, condition in changes.raised:
            alert_rows.raise_alert(connection, name, condition.subject, condition.detail, now)
        for alert, detail in changes.seen:
            alert_rows.note_seen(connection, alert.id, detail, now)
        alert_rows.end_alerts(connection, [alert.id for alert in changes.over], now)
    return changes


def tell_alerts(engine: Engine, channels: Channels) -> list[str]:
    """Sends a notice for each alert that was raised or ended since. Returns the reasons of failed notices.

    A notice that no channel accepted is sent again the next time.
    """
    failures = []
    for alert in alert_rows.unsent_alerts(engine):
        sent = send_notice(channels, notice_of(alert))
        failures += sent.failures
        if sent.reached:
            alert_rows.mark_sent(engine, alert)
    return failures


def notice_of(alert: Alert) -> Notice:
    """The notice of an alert or of its end."""
    words = f"{title(alert.name)} ({alert.subject})"
    raised = to_datetime(alert.raised_at).strftime("%Y-%m-%d %H:%M UTC")
    if alert.over_at is None:
        runbook = f"What to do: docs/runbooks.md, `{alert.name}`."
        return Notice(f"Alert: {words}", f"{alert.detail} {runbook}")
    return Notice(f"Resolved: {words}", f"Raised at {raised}. Last detail: {alert.detail}")
