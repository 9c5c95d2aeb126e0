"""The alert rules. Each is a pure function of observations and limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from orders_pipeline.base.clock import to_datetime
from orders_pipeline.monitoring.alerts.rule_input import (
    HOUR_US,
    MINUTE_US,
    Limits,
    Observations,
    SilentSensor,
    WaitingWebhook,
)

# Time for workers to start, for example after a deployment.
WORKERS_START_WITHIN_SECONDS = 120
# With fewer orders, a share is not meaningful.
FEWEST_ORDERS = 20
# Sensors are evaluated every 10 to 30 seconds, and alerts must be raised within two minutes.
SENSORS_SILENT_FOR_SECONDS = 75
# Damaged files are a sign of a failing disk, so an alert is raised although the figures are repaired.
REBUILD_REPORTED_HOURS = 24


class AlertName(StrEnum):
    """Every alert. docs/runbooks.md has a section for each."""

    WAITING_TOO_LONG = "waiting_too_long"
    NO_WORKERS = "no_workers"
    FAILURE_SHARE = "failure_share"
    NO_ARRIVALS = "no_arrivals"
    STUCK_IMPORT = "stuck_import"
    FIGURES_LATE = "figures_late"
    SERVICE_DOWN = "service_down"
    DISK_NEARLY_FULL = "disk_nearly_full"
    FIGURES_REBUILT = "figures_rebuilt"
    BACKUP_FAILED = "backup_failed"
    BACKUP_OLD = "backup_old"
    QUARANTINED_FILE = "quarantined_file"
    INBOX_WAITING = "inbox_waiting"
    SENSOR_SILENT = "sensor_silent"
    OPEN_REFUND = "open_refund"
    UNCAPTURED = "uncaptured"
    OUTBOX_FAILING = "outbox_failing"
    UNKNOWN_EVENT = "unknown_event"
    WEBHOOK_FAILING = "webhook_failing"
    NOTIFICATIONS_FAILING = "notifications_failing"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that raises an alert while it holds.

    Attributes:
        subject: the object that it concerns, such as a queue or a partition key. It stays the same while the
            condition holds.
    """

    subject: str
    detail: str


Rule = Callable[[Observations, Limits], list[Condition] | None]


def conditions_by_alert(seen: Observations, limits: Limits) -> dict[AlertName, list[Condition]]:
    """The conditions that hold, by alert. Alerts that cannot be judged now are left out."""
    judged = {name: rule(seen, limits) for name, rule in RULES.items()}
    return {name: conditions for name, conditions in judged.items() if conditions is not None}


def _waiting_too_long(seen: Observations, limits: Limits) -> list[Condition] | None:
    if seen.queues is None:
        return None
    limit = limits.waiting_minutes
    return [
        Condition(name, f"Waiting tasks: {queue.waiting}. The oldest has waited for {waited:.0f} minutes.")
        for name, queue in seen.queues.items()
        if limit and (waited := _minutes_since(seen, queue.oldest_since)) >= limit
    ]


def _no_workers(seen: Observations, _limits: Limits) -> list[Condition] | None:
    if seen.queues is None or seen.served is None:
        return None
    patience = WORKERS_START_WITHIN_SECONDS / 60
    return [
        Condition(name, f"No worker serves the queue. Waiting tasks: {queue.waiting}.")
        for name, queue in seen.queues.items()
        if name not in seen.served and _minutes_since(seen, queue.oldest_since) >= patience
    ]


def _failure_share(seen: Observations, limits: Limits) -> list[Condition]:
    limit = limits.failure_share
    if not limit or seen.ended < FEWEST_ORDERS or seen.unsold < limit * seen.ended:
        return []
    share = seen.unsold / seen.ended
    return [
        Condition("orders", f"{share:.0%} of the {seen.ended} orders that ended in the last hour failed.")
    ]


def _no_arrivals(seen: Observations, limits: Limits) -> list[Condition]:
    hours = limits.no_arrivals_hours
    if not hours or seen.last_arrival is None or seen.now - seen.last_arrival < hours * HOUR_US:
        return []
    return [Condition("order files", f"The last order file arrived at {_clock(seen.last_arrival)}.")]


def _stuck_import(seen: Observations, limits: Limits) -> list[Condition]:
    if not limits.stuck_minutes:
        return []
    stuck = []
    for one in seen.open_imports:
        if one.given_up_because is not None:
            stuck.append(Condition(one.key, f"The import stalled: {one.given_up_because}."))
        elif _minutes_since(seen, one.moved_at) >= limits.stuck_minutes:
            stuck.append(Condition(one.key, f"None of its orders has moved since {_clock(one.moved_at)}."))
    return stuck


def _figures_late(seen: Observations, limits: Limits) -> list[Condition]:
    limit = limits.figures_minutes
    if not limit or _minutes_since(seen, seen.figures_due_since) < limit:
        return []
    since = _clock(seen.figures_due_since or 0)
    return [Condition("figures", f"The KPIs do not show order changes since {since}.")]


def _service_down(seen: Observations, _limits: Limits) -> list[Condition]:
    return [
        Condition(name, f"{name} does not answer or rejects writes.")
        for name, up in seen.services.items()
        if not up
    ]


def _disk_nearly_full(seen: Observations, limits: Limits) -> list[Condition]:
    if seen.free_share >= limits.disk_free_share:
        return []
    return [Condition("disk", f"{seen.free_share:.1%} of the disk of ORDERS_HOME is free.")]


def _figures_rebuilt(seen: Observations, _limits: Limits) -> list[Condition]:
    if seen.rebuild is None or seen.now - seen.rebuild.at >= REBUILD_REPORTED_HOURS * HOUR_US:
        return []
    message = (
        f"At {_clock(seen.rebuild.at)}, {seen.rebuild.reason}. Figures are computed again from the orders."
    )
    return [Condition("figures", message)]


def _backup_failed(seen: Observations, _limits: Limits) -> list[Condition]:
    failed = seen.failed_backup
    if failed is None:
        return []
    began = _clock(failed.started_at)
    return [Condition("backup", f"The backup of {began} into {failed.folder} failed: {failed.reason}")]


def _backup_old(seen: Observations, limits: Limits) -> list[Condition]:
    # A store without a backup has been at risk since its first order file.
    since = seen.last_backup or seen.first_arrival
    if not limits.backup_hours or since is None or seen.now - since < limits.backup_hours * HOUR_US:
        return []
    if seen.last_backup is None:
        return [Condition("backup", "There is no good backup of the order store yet.")]
    return [Condition("backup", f"The last good backup of the order store is from {_clock(since)}.")]


def _quarantined_file(seen: Observations, _limits: Limits) -> list[Condition]:
    found = seen.quarantine
    listed = [
        Condition(name, f"{name} is in quarantine: {code}. `orders quarantine list` says what is wrong.")
        for name, code in found.first
    ]
    more = found.files - len(found.first)
    return [*listed, *([Condition("inbox", f"More files in quarantine: {more}.")] if more > 0 else [])]


def _inbox_waiting(seen: Observations, limits: Limits) -> list[Condition]:
    found, limit = seen.waiting_files, limits.inbox_minutes
    if not limit or found is None or (waited := _minutes_since(seen, found.since)) < limit:
        return []
    oldest = f"The oldest, {found.oldest}, has waited for {waited:.0f} minutes."
    return [Condition("inbox", f"Complete files in the inbox: {found.files}. {oldest}")]


def _open_refund(seen: Observations, limits: Limits) -> list[Condition]:
    found, limit = seen.open_refunds, limits.refund_minutes
    if not limit or found is None or (waited := _minutes_since(seen, found.since)) < limit:
        return []
    message = f"Refunds without an outcome: {found.refunds}. The oldest has waited for {waited:.0f} minutes."
    approvals = f" They include {found.unapproved} that wait for approval." if found.unapproved else ""
    return [Condition("refunds", message + approvals)]


def _uncaptured(seen: Observations, limits: Limits) -> list[Condition]:
    found, limit = seen.uncaptured, limits.uncaptured_hours
    if not limit or found is None:
        return []
    left = limits.authorization_hours - _minutes_since(seen, found.since) / 60
    if left > limit:
        return []
    ends = f"The first is voided in {left:.0f} hours." if left > 0 else "The first should have been voided."
    return [Condition("authorizations", f"Authorized orders that were not captured: {found.orders}. {ends}")]


def _outbox_failing(seen: Observations, _limits: Limits) -> list[Condition]:
    if (found := seen.failed_results) is None:
        return []
    return [Condition("outbox", f"Files whose results could not be written: {found.files}. {found.reason}")]


def _unknown_event(seen: Observations, _limits: Limits) -> list[Condition]:
    if (found := seen.waiting_events) is None:
        return []
    oldest = f"The oldest is from {_clock(found.since)}: {found.reason}"
    return [Condition("gateway", f"Waiting events of the payment gateway: {found.events}. {oldest}")]


def _webhook_failing(seen: Observations, limits: Limits) -> list[Condition]:
    limit = limits.webhook_minutes
    late = [one for one in seen.webhooks if one.failed or _minutes_since(seen, one.since) >= limit]
    return [_of_webhook(seen, one) for one in late if limit]


def _of_webhook(seen: Observations, one: WaitingWebhook) -> Condition:
    if one.id is None:
        waited = _minutes_since(seen, one.since)
        return Condition(
            "webhooks", f"No program sends events. The oldest has waited for {waited:.0f} minutes."
        )
    sentences = [f"Events that failed: {one.failed}."] if one.failed else []
    sentences += [f"The oldest waiting event is from {_clock(one.since)}."] if one.since is not None else []
    sentences += [f"The last error: {one.error}."] if one.error else []
    return Condition(f"webhook {one.id}", " ".join(sentences))


def _notifications_failing(seen: Observations, limits: Limits) -> list[Condition]:
    found, limit = seen.waiting_notices, limits.notification_minutes
    if not limit or found is None or (waited := _minutes_since(seen, found.since)) < limit:
        return []
    why = f"The mail server: {found.error}." if found.error else "No program sends them."
    return [
        Condition("notifications", f"No notice to a customer could be sent for {waited:.0f} minutes. {why}")
    ]


def _sensor_silent(seen: Observations, _limits: Limits) -> list[Condition]:
    return silent_conditions(seen.sensors)


def silent_conditions(sensors: Iterable[SilentSensor]) -> list[Condition]:
    """The conditions of `sensor_silent`, one for each sensor without progress."""
    return [
        Condition(one.name, f"The sensor has made no progress for {one.seconds:.0f} seconds{_why(one)}.")
        for one in sensors
        if one.seconds >= SENSORS_SILENT_FOR_SECONDS
    ]


def _why(sensor: SilentSensor) -> str:
    return f": {sensor.error.rstrip('.')}" if sensor.error else ""


def _minutes_since(seen: Observations, time: int | None) -> float:
    return (seen.now - time) / MINUTE_US if time is not None else 0.0


def _clock(time: int) -> str:
    return to_datetime(time).strftime("%Y-%m-%d %H:%M UTC")


RULES: dict[AlertName, Rule] = {
    AlertName.WAITING_TOO_LONG: _waiting_too_long,
    AlertName.NO_WORKERS: _no_workers,
    AlertName.FAILURE_SHARE: _failure_share,
    AlertName.NO_ARRIVALS: _no_arrivals,
    AlertName.STUCK_IMPORT: _stuck_import,
    AlertName.FIGURES_LATE: _figures_late,
    AlertName.SERVICE_DOWN: _service_down,
    AlertName.DISK_NEARLY_FULL: _disk_nearly_full,
    AlertName.FIGURES_REBUILT: _figures_rebuilt,
    AlertName.BACKUP_FAILED: _backup_failed,
    AlertName.BACKUP_OLD: _backup_old,
    AlertName.QUARANTINED_FILE: _quarantined_file,
    AlertName.INBOX_WAITING: _inbox_waiting,
    AlertName.SENSOR_SILENT: _sensor_silent,
    AlertName.OPEN_REFUND: _open_refund,
    AlertName.UNCAPTURED: _uncaptured,
    AlertName.OUTBOX_FAILING: _outbox_failing,
    AlertName.UNKNOWN_EVENT: _unknown_event,
    AlertName.WEBHOOK_FAILING: _webhook_failing,
    AlertName.NOTIFICATIONS_FAILING: _notifications_failing,
}
