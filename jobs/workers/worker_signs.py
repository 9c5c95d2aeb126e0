"""Heartbeats of a Celery worker, for metrics, alerts and the readiness of the API."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from celery import bootsteps
from redis.exceptions import RedisError

from jobs.dagster_seams.celery_workers import CONSUMER_HAS_QUEUES, processes_of, queues_of, tasks_at_work
from orders_pipeline.base.version import VERSION
from orders_pipeline.monitoring.workers import SIGN_SECONDS, Worker, forget_worker, note_worker
from orders_pipeline.services.redis_clients import open_redis
from orders_pipeline.store.revisions import OURS

log = logging.getLogger(__name__)


def worker_signs(
    redis_url: str, version: str = VERSION, revision: str = OURS.head
) -> type[bootsteps.StartStopStep]:
    """Returns a Celery bootstep that sends the worker's heartbeats to this Redis."""

    class WorkerSigns(bootsteps.StartStopStep):  # type: ignore[misc]
        """Sends a heartbeat every few seconds in the worker's main loop: a thread would be forked too."""

        requires = (CONSUMER_HAS_QUEUES,)

        def __init__(self, consumer: Any, **_: Any) -> None:
            self.client = open_redis(redis_url)
            self.timer: Any = None
            super().__init__(consumer)

        def start(self, consumer: Any) -> None:
            self.note(consumer)
            self.timer = consumer.timer.call_repeatedly(SIGN_SECONDS, self.note, (consumer,))

        def stop(self, consumer: Any) -> None:
            if self.timer:
                self.timer.cancel()
                self.timer = None
            try:
                forget_worker(self.client, consumer.hostname)
            except RedisError as error:
                log.warning("Redis is down; that this worker stops could not be stored: %s", error)

        def note(self, consumer: Any) -> None:
            try:
                note_worker(self.client, replace(_worker(consumer), version=version, revision=revision))
            except RedisError as error:
                log.warning("Redis is down; a heartbeat could not be sent: %s", error)

    return WorkerSigns


def _worker(consumer: Any) -> Worker:
    return Worker(consumer.hostname, processes_of(consumer), tasks_at_work(), queues_of(consumer))
