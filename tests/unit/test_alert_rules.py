"""Each alert rule by itself: what raises its alert, what its limit allows, and what cannot be judged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from orders_pipeline.base.settings import Settings
from orders_pipeline.monitoring.alert_rules import (
    FEWEST_ORDERS,
    WORKERS_START_WITHIN_SECONDS,
    AlertName,
    OpenImport,
    Queue,
    Seen,
    judge,
)

MINUTE, HOUR = 60_000_000, 3_600_000_000
NOW = 1_800_000_000_000_000
LIMITS = Settings(
    alert_waiting_minutes=30,
    alert_failure_share=0.5,
    alert_no_arrivals_hours=24,
    alert_stuck_minutes=30,
    alert_figures_minutes=60,
    alert_disk_free_share=0.1,
)
ALL_IS_WELL: dict[str, Any] = {
    "now": NOW,
    "services": {"store": True, "redis": True},
    "queues": {"orders": Queue(0, None), "dagster": Queue(0, None)},
    "served": frozenset({"orders", "dagster"}),
    "ended": 0,
    "unsold": 0,
    "last_arrival": None,
    "open_imports": [],
    "figures_due_since": None,
    "free_share": 0.5,
}


def found(alert: AlertName, limits: Settings = LIMITS, **seen: Any) -> list[str] | None:
    """Subjects of an alert's conditions; none where the alert cannot be judged."""
    judged = judge(Seen(**(ALL_IS_WELL | seen)), limits)
    return [condition.subject for condition in judged[alert]] if alert in judged else None


def without_limit(name: str) -> Settings:
    return LIMITS.model_copy(update={name: 0})


def waiting(**minutes: float) -> dict[str, Queue]:
    return {name: Queue(3, NOW - int(since * MINUTE)) for name, since in minutes.items()}


def at_work(minutes: Iterable[float], given_up: str | None = None) -> list[OpenImport]:
    return [OpenImport(f"file-{n}", NOW - int(since * MINUTE), given_up) for n, since in enumerate(minutes)]


def test_no_alert_holds_where_all_is_well() -> None:
    judged = judge(Seen(**ALL_IS_WELL), LIMITS)
    assert judged == {name: [] for name in AlertName}


def test_a_queue_whose_first_task_waits_as_long_as_the_limit_is_told_of() -> None:
    queues = waiting(orders=30, dagster=29.9) | {"empty": Queue(0, None), "unknown": Queue(5, None)}
    assert found(AlertName.WAITING_TOO_LONG, queues=queues) == ["orders"]
    assert found(AlertName.WAITING_TOO_LONG, without_limit("alert_waiting_minutes"), queues=queues) == []


def test_waiting_tasks_cannot_be_judged_while_the_broker_does_not_answer() -> None:
    assert found(AlertName.WAITING_TOO_LONG, queues=None) is None
    assert found(AlertName.NO_WORKERS, queues=None) is None


def test_tasks_that_no_worker_serves_are_told_of_once_workers_had_time_to_start() -> None:
    patience = WORKERS_START_WITHIN_SECONDS / 60
    queues = waiting(orders=patience, dagster=patience - 0.1, served=patience)
    assert found(AlertName.NO_WORKERS, queues=queues, served=frozenset({"served"})) == ["orders"]
    assert found(AlertName.NO_WORKERS, queues=queues, served=None) is None


@pytest.mark.parametrize(
    ("ended", "unsold", "expected"),
    [
        (FEWEST_ORDERS, FEWEST_ORDERS // 2, ["orders"]),
        (FEWEST_ORDERS, FEWEST_ORDERS // 2 - 1, []),
        (FEWEST_ORDERS - 1, FEWEST_ORDERS - 1, []),
        (0, 0, []),
    ],
)
def test_a_large_share_of_failed_orders_is_told_of_where_orders_are_not_few(
    ended: int, unsold: int, expected: list[str]
) -> None:
    assert found(AlertName.FAILURE_SHARE, ended=ended, unsold=unsold) == expected
    assert (
        found(AlertName.FAILURE_SHARE, without_limit("alert_failure_share"), ended=ended, unsold=unsold) == []
    )


@pytest.mark.parametrize(("hours", "expected"), [(24, ["order files"]), (23.9, [])])
def test_order_files_that_stay_away_are_told_of(hours: float, expected: list[str]) -> None:
    last = NOW - int(hours * HOUR)
    assert found(AlertName.NO_ARRIVALS, last_arrival=last) == expected
    assert found(AlertName.NO_ARRIVALS, without_limit("alert_no_arrivals_hours"), last_arrival=last) == []


def test_a_store_that_never_had_a_file_misses_none() -> None:
    assert found(AlertName.NO_ARRIVALS, last_arrival=None) == []


def test_an_import_whose_orders_stand_still_is_told_of() -> None:
    imports = at_work([30, 29.9])
    assert found(AlertName.STUCK_IMPORT, open_imports=imports) == ["file-0"]
    assert found(AlertName.STUCK_IMPORT, without_limit("alert_stuck_minutes"), open_imports=imports) == []


def test_an_import_that_was_given_up_is_told_of_at_once_and_with_its_reason() -> None:
    imports = at_work([0], given_up="the file is gone")
    assert found(AlertName.STUCK_IMPORT, open_imports=imports) == ["file-0"]
    (condition,) = judge(Seen(**(ALL_IS_WELL | {"open_imports": imports})), LIMITS)[AlertName.STUCK_IMPORT]
    assert "the file is gone" in condition.detail


@pytest.mark.parametrize(("minutes", "expected"), [(60, ["figures"]), (59.9, [])])
def test_figures_that_do_not_show_a_change_are_told_of(minutes: float, expected: list[str]) -> None:
    since = NOW - int(minutes * MINUTE)
    assert found(AlertName.FIGURES_LATE, figures_due_since=since) == expected
    assert (
        found(AlertName.FIGURES_LATE, without_limit("alert_figures_minutes"), figures_due_since=since) == []
    )


def test_each_service_that_does_not_answer_is_told_of() -> None:
    services = {"store": True, "redis": False, "broker": False}
    assert found(AlertName.SERVICE_DOWN, services=services) == ["redis", "broker"]


@pytest.mark.parametrize(("free", "expected"), [(0.1, []), (0.099, ["disk"])])
def test_a_disk_with_less_free_than_the_limit_is_told_of(free: float, expected: list[str]) -> None:
    assert found(AlertName.DISK_NEARLY_FULL, free_share=free) == expected
    assert found(AlertName.DISK_NEARLY_FULL, without_limit("alert_disk_free_share"), free_share=free) == []
