"""Contract of `jobs.dagster_seams.redis_queues`, on a real Redis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery

from jobs.dagster_seams.redis_queues import waiting_headers

PRIORITIES = {"priority_steps": list(range(10))}


@pytest.fixture
def app(redis_url: str) -> Iterator[Celery]:
    with Celery(broker=redis_url, set_as_current=False) as made:
        made.conf.broker_transport_options = PRIORITIES
        yield made


def waiting(app: Celery, first: int) -> list[Any]:
    """The tasks that wait in the queue `orders`."""
    with app.connection_for_read() as connection, connection.channel() as channel:
        return [headers.get("number") for headers in waiting_headers(channel, "orders", first)]


def test_headers_of_waiting_tasks_are_seen_by_priority_the_oldest_last_and_stay(app: Celery) -> None:
    assert waiting(app, 0) == []
    for number, priority in enumerate((5, 5, 0, 9)):
        app.send_task("a_step", queue="orders", priority=priority, headers={"number": number})
    assert waiting(app, 0) == [2, 1, 0, 3]
    assert waiting(app, -1) == [2, 0, 3]
    assert waiting(app, 0) == [2, 1, 0, 3]


def test_what_is_no_task_has_no_headers(app: Celery) -> None:
    app.send_task("a_step", queue="orders", priority=0, headers={"number": 1})
    with app.connection_for_read() as connection, connection.channel() as channel:
        channel.client.lpush("orders", b"rubbish")
    assert waiting(app, 0) == [None, 1]
