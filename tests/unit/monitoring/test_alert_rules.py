"""The alert rules, each at its threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orders_pipeline.figures.kpis.warehouse.warehouse_folder import Rebuild
from orders_pipeline.monitoring.alerts.alert_rules import (
    FEWEST_ORDERS,
    SENSORS_SILENT_FOR_SECONDS,
    WORKERS_START_WITHIN_SECONDS,
    AlertName,
    conditions_by_alert,
)
from orders_pipeline.monitoring.alerts.rule_input import (
    HOUR_US,
    MINUTE_US,
    FailedResults,
    Limits,
    Observations,
    OpenImport,
    OpenRefunds,
    Quarantine,
    SilentSensor,
    Uncaptured,
    WaitingEvents,
    WaitingFiles,
    WaitingNotices,
    WaitingWebhook,
)
from orders_pipeline.monitoring.queues import Queue
from orders_pipeline.store.backup_rows import FailedBackup

NOW = 1_000 * HOUR_US
LIMITS = Limits(
    waiting_minutes=30,
    failure_share=0.25,
    no_arrivals_hours=24,
    stuck_minutes=30,
    figures_minutes=60,
    disk_free_share=0.05,
    backup_hours=48,
    inbox_minutes=5,
    refund_minutes=60,
    webhook_minutes=60,
    notification_minutes=60,
    authorization_hours=96,
    uncaptured_hours=24,
)
OFF = Limits(
    waiting_minutes=0,
    failure_share=0,
    no_arrivals_hours=0,
    stuck_minutes=0,
    figures_minutes=0,
    disk_free_share=0,
    backup_hours=0,
    inbox_minutes=0,
    refund_minutes=0,
    webhook_minutes=0,
    notification_minutes=0,
    authorization_hours=96,
    uncaptured_hours=0,
)
QUIET = Observations(
    now=NOW,
    services={"redis": True, "broker": True},
    queues={"orders": Queue(0, None)},
    served=frozenset({"orders"}),
    ended=0,
    unsold=0,
    last_arrival=NOW,
    open_imports=[],
    figures_due_since=None,
    free_share=1.0,
    quarantine=Quarantine(0, []),
    waiting_files=None,
    sensors=[SilentSensor("inbox_sensor", 10, None)],
)


def ago(minutes: float) -> int:
    return NOW - int(minutes * MINUTE_US)


def stuck(minutes: float) -> list[OpenImport]:
    return [OpenImport("a.csv", ago(minutes), None)]


def waiting(minutes: float) -> dict[str, Queue]:
    return {"orders": Queue(3, ago(minutes))}


def waiting_files(minutes: float) -> WaitingFiles:
    return WaitingFiles(2, "a.csv", ago(minutes))


STARTED = WORKERS_START_WITHIN_SECONDS / 60
# Observations just below a threshold, and at it.
AT_THE_LIMIT: list[tuple[AlertName, dict[str, Any], dict[str, Any]]] = [
    (AlertName.WAITING_TOO_LONG, {"queues": waiting(29.9)}, {"queues": waiting(30)}),
    (
        AlertName.NO_WORKERS,
        {"queues": waiting(STARTED - 0.1), "served": frozenset()},
        {"queues": waiting(STARTED), "served": frozenset()},
    ),
    (
        AlertName.FAILURE_SHARE,
        {"ended": FEWEST_ORDERS - 1, "unsold": FEWEST_ORDERS - 1},
        {"ended": FEWEST_ORDERS, "unsold": FEWEST_ORDERS // 4},
    ),
    (AlertName.FAILURE_SHARE, {"ended": 100, "unsold": 24}, {"ended": 100, "unsold": 25}),
    (AlertName.NO_ARRIVALS, {"last_arrival": ago(24 * 60 - 1)}, {"last_arrival": ago(24 * 60)}),
    (AlertName.STUCK_IMPORT, {"open_imports": stuck(29.9)}, {"open_imports": stuck(30)}),
    (AlertName.FIGURES_LATE, {"figures_due_since": ago(59.9)}, {"figures_due_since": ago(60)}),
    (AlertName.DISK_NEARLY_FULL, {"free_share": 0.05}, {"free_share": 0.049}),
    (
        AlertName.QUARANTINED_FILE,
        {"quarantine": Quarantine(0, [])},
        {"quarantine": Quarantine(1, [("a.csv", "file_empty")])},
    ),
    (AlertName.INBOX_WAITING, {"waiting_files": waiting_files(4.9)}, {"waiting_files": waiting_files(5)}),
    (
        AlertName.SENSOR_SILENT,
        {"sensors": [SilentSensor("inbox_sensor", SENSORS_SILENT_FOR_SECONDS - 1, "It fails.")]},
        {"sensors": [SilentSensor("inbox_sensor", SENSORS_SILENT_FOR_SECONDS, None)]},
    ),
    (
        AlertName.OPEN_REFUND,
        {"open_refunds": OpenRefunds(2, 1, ago(59.9))},
        {"open_refunds": OpenRefunds(2, 1, ago(60))},
    ),
    (
        AlertName.UNCAPTURED,
        {"uncaptured": Uncaptured(3, ago(71.9 * 60))},
        {"uncaptured": Uncaptured(3, ago(72 * 60))},
    ),
    (
        AlertName.OUTBOX_FAILING,
        {"failed_results": None},
        {"failed_results": FailedResults(2, "The outbox cannot be used.")},
    ),
    (
        AlertName.UNKNOWN_EVENT,
        {"waiting_events": None},
        {"waiting_events": WaitingEvents(1, ago(10), "No dispute du_1 was opened.")},
    ),
    (
        AlertName.WEBHOOK_FAILING,
        {"webhooks": (WaitingWebhook(1, 0, ago(59.9), None), WaitingWebhook(None, 0, ago(59.9), None))},
        {"webhooks": (WaitingWebhook(1, 0, ago(60), "it answered 500"),)},
    ),
    (
        AlertName.WEBHOOK_FAILING,
        {"webhooks": ()},
        {"webhooks": (WaitingWebhook(1, 2, None, None),)},
    ),
    (
        AlertName.NOTIFICATIONS_FAILING,
        {"waiting_notices": WaitingNotices(ago(59.9), "Connection refused")},
        {"waiting_notices": WaitingNotices(ago(60), "Connection refused")},
    ),
    (AlertName.SERVICE_DOWN, {"services": {"redis": True}}, {"services": {"redis": False}}),
    (
        AlertName.BACKUP_FAILED,
        {"failed_backup": None},
        {"failed_backup": FailedBackup(NOW, "/backups", "No space left on device")},
    ),
    (AlertName.BACKUP_OLD, {"last_backup": ago(48 * 60 - 1)}, {"last_backup": ago(48 * 60)}),
    (AlertName.BACKUP_OLD, {"first_arrival": ago(48 * 60 - 1)}, {"first_arrival": ago(48 * 60)}),
    (
        AlertName.FIGURES_REBUILT,
        {"rebuild": Rebuild(ago(24 * 60), "the warehouse was damaged")},
        {"rebuild": Rebuild(ago(24 * 60 - 1), "the warehouse was damaged")},
    ),
]


def alerts(seen: Observations, limits: Limits) -> set[AlertName]:
    return {name for name, conditions in conditions_by_alert(seen, limits).items() if conditions}


@pytest.mark.parametrize(("name", "below", "reached"), AT_THE_LIMIT)
def test_a_condition_holds_from_its_limit_on(
    name: AlertName, below: dict[str, Any], reached: dict[str, Any]
) -> None:
    assert alerts(replace(QUIET, **below), LIMITS) == set()
    assert alerts(replace(QUIET, **reached), LIMITS) == {name}


def test_every_alert_has_its_case() -> None:
    assert {name for name, _, _ in AT_THE_LIMIT} == set(AlertName)


def test_a_limit_of_zero_turns_a_rule_off() -> None:
    seen = replace(
        QUIET,
        queues=waiting(600),
        ended=100,
        unsold=100,
        last_arrival=ago(60_000),
        open_imports=stuck(600),
        figures_due_since=ago(600),
        free_share=0.0,
        last_backup=ago(60_000),
        waiting_files=waiting_files(600),
    )
    assert alerts(seen, OFF) == set()


def test_what_cannot_be_seen_is_not_judged() -> None:
    judged = conditions_by_alert(replace(QUIET, queues=None, served=None), LIMITS)
    assert not {AlertName.WAITING_TOO_LONG, AlertName.NO_WORKERS} & judged.keys()
    judged = conditions_by_alert(replace(QUIET, served=None), LIMITS)
    assert AlertName.WAITING_TOO_LONG in judged
    assert AlertName.NO_WORKERS not in judged


def test_an_import_that_was_given_up_is_reported_with_its_reason() -> None:
    seen = replace(QUIET, open_imports=[OpenImport("a.csv", NOW, "three launches brought no progress")])
    (condition,) = conditions_by_alert(seen, LIMITS)[AlertName.STUCK_IMPORT]
    assert condition.subject == "a.csv"
    assert "three launches brought no progress" in condition.detail


def test_the_first_files_in_quarantine_have_an_alert_each_and_the_others_share_one() -> None:
    first = [(f"{number}.csv", "file_empty") for number in range(10)]
    conditions = conditions_by_alert(replace(QUIET, quarantine=Quarantine(12, first)), LIMITS)[
        AlertName.QUARANTINED_FILE
    ]
    assert [one.subject for one in conditions] == [*(name for name, _ in first), "inbox"]
    assert conditions[-1].detail == "More files in quarantine: 2."


def test_a_silent_sensor_is_reported_with_its_error() -> None:
    sensor = SilentSensor("inbox_sensor", 80, "The folder done is a symbolic link.")
    (condition,) = conditions_by_alert(replace(QUIET, sensors=[sensor]), LIMITS)[AlertName.SENSOR_SILENT]
    assert condition.subject == "inbox_sensor"
    assert condition.detail.endswith("for 80 seconds: The folder done is a symbolic link.")
