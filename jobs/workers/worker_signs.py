"""Signs of life of a Celery worker for the metrics, the alerts and the API's readiness."""

from __future__ import annotations

import logging
from typing import Any

from celery import bootsteps
from redis.exceptions import RedisError

from jobs.dagster_seams.celery_workers import CONSUMER_HAS_QUEUES, processes_of, queues_of, tasks_at_work
from orders_pipeline.monitoring.workers import SIGN_SECONDS, Worker, forget_worker, note_worker
from orders_pipeline.services.redis_clients import open_redis

log = logging.getLogger(__name__)


def worker_signs(redis_url: str) -> type[bootsteps.StartStopStep]:
    """Celery's step of a worker that notes its signs of life in this Redis."""

    class WorkerSigns(bootsteps.StartStopStep):  # type: ignore[misc]
        """Notes a sign every few seconds, in the worker's main loop: a thread would be forked with it."""

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
                log.warning("Redis is down, that this worker stops is not noted: %s", error)

        def note(self, consumer: Any) -> None:
            try:
                note_worker(self.client, _worker(consumer))
            except RedisError as error:
                log.warning("Redis is down, no sign of life could be noted: %s", error)

    return WorkerSigns


def _worker(consumer: Any) -> Worker:
    return Worker(consumer.hostname, processes_of(consumer), tasks_at_work(), queues_of(consumer))
