"""How long the first task of a queue has waited, on every kind of broker; reading it removes no task."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from jobs.workers.celery_settings import step_app
from jobs.workers.queue_heads import queued_now, queues
from orders_pipeline.base.settings import Settings
from tests.services import free_port


@pytest.fixture(params=["redis", "rabbitmq"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Settings:
    broker = request.getfixturevalue("rabbitmq_url") if request.param == "rabbitmq" else ""
    return Settings(home=tmp_path, redis_url=redis_url, broker_url=broker)


def send(settings: Settings, queue: str, priority: int, headers: dict[str, Any]) -> None:
    """Queues a task as the executor does."""
    with step_app(settings) as app:
        routing_key = f"{queue}.execute_plan"
        app.send_task("some_task", queue=queue, routing_key=routing_key, priority=priority, headers=headers)


def test_the_first_task_tells_since_when_it_waits_and_stays_where_it_is(settings: Settings) -> None:
    assert {name: queue.waiting for name, queue in queues(settings).items()} == {"orders": 0, "dagster": 0}
    for minutes in (30, 20):
        send(settings, "orders", 5, {"queued_at": time.time() - minutes * 60})
    send(settings, "dagster", 5, queued_now())
    first, second = queues(settings), queues(settings)
    assert first == second
    assert first["orders"].waiting == 2
    assert 30 <= minutes_ago(first["orders"].oldest_since) < 31
    assert minutes_ago(first["dagster"].oldest_since) < 1


def test_a_task_without_the_time_has_no_age(settings: Settings) -> None:
    send(settings, "orders", 5, {})
    found = queues(settings)["orders"]
    assert (found.waiting, found.oldest_since) == (1, None)


def test_tasks_of_every_priority_are_looked_at(tmp_path: Path, redis_url: str) -> None:
    settings = Settings(home=tmp_path, redis_url=redis_url)
    for priority, minutes in ((0, 5), (5, 40), (9, 10)):
        send(settings, "orders", priority, {"queued_at": time.time() - minutes * 60})
    found = queues(settings)["orders"]
    assert found.waiting == 3
    assert 40 <= minutes_ago(found.oldest_since) < 41


def test_a_broker_that_is_away_is_reported(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(ConnectionError):
        queues(settings)


def minutes_ago(microseconds: int | None) -> float:
    assert microseconds is not None
    return time.time() / 60 - microseconds / 60e6
