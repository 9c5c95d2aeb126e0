"""Reads from the headers of tasks how long the first task of each queue has waited, and for which file."""

from __future__ import annotations

import time
from typing import Any

from celery import current_task
from kombu.connection import Connection

from jobs.dagster_seams.redis_queues import waiting_headers
from jobs.workers.queues import QUEUES, broker_connection, queue_size
from jobs.workers.step_log import IDS_HEADER
from orders_pipeline.base.settings import Settings
from orders_pipeline.monitoring.queues import Queue

QUEUED_AT = "queued_at"


def queued_now() -> dict[str, float]:
    """Returns the headers for a task that is queued now."""
    return {QUEUED_AT: time.time()}


def queued_at() -> float | None:
    """Returns when the task that this thread executes was queued, in seconds since 1970.

    None outside a task.
    """
    found = current_task.request.get(QUEUED_AT) if current_task else None
    return float(found) if found else None


def queues(settings: Settings) -> dict[str, Queue]:
    """Returns the queues with their number of waiting tasks, and the time since which the first task waits.

    Raises:
        ConnectionError: the broker does not answer.
    """
    with broker_connection(settings) as connection:
        return {queue: _queue(connection, queue) for queue in QUEUES}


def work_waiting(settings: Settings) -> set[str]:
    """Returns the ids of runs with waiting tasks, and the partition keys of their files; only on Redis.

    Raises:
        ConnectionError: the broker does not answer.
    """
    with broker_connection(settings) as connection:
        channel = connection.channel()  # type: ignore[no-untyped-call]
        try:
            headers = [one for queue in QUEUES for one in waiting_headers(channel, queue, first=0)]
        finally:
            channel.close()
    ids = [one.get(IDS_HEADER) or {} for one in headers]
    return {one[name] for one in ids for name in ("run_id", "file") if name in one}


def _queue(connection: Connection, queue: str) -> Queue:
    waiting = queue_size(connection, queue)
    return Queue(waiting, _oldest_since(connection, queue) if waiting else None)


def _oldest_since(connection: Connection, queue: str) -> int | None:
    """Returns microseconds since 1970.

    None if the queue is empty now, or the task is from another program.
    """
    channel = connection.channel()  # type: ignore[no-untyped-call]
    try:
        peek = waiting_headers if connection.transport.driver_type == "redis" else _peek_amqp
        times = [headers[QUEUED_AT] for headers in peek(channel, queue) if QUEUED_AT in headers]
    finally:
        channel.close()
    return int(min(times) * 1_000_000) if times else None


def _peek_amqp(channel: Any, queue: str) -> list[dict[str, Any]]:
    """Returns the headers of the next task, which is received and returned to the queue at once."""
    message = channel.basic_get(queue)
    if message is None:
        return []
    channel.basic_reject(message.delivery_tag, requeue=True)
    return [message.headers]
