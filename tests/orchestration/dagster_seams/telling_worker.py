"""A Celery app whose worker tells what it knows of itself, and whose task tells what it was sent."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from celery import Celery, Task, bootsteps
from redis import Redis

from jobs.dagster_seams.celery_workers import CONSUMER_HAS_QUEUES, processes_of, queues_of, tasks_at_work
from jobs.workers.step_log import IDS_HEADER

URL = os.environ["TELLING_WORKER_REDIS"]
KNOWN, TOLD = "worker-knows", "task-was-told"
app = Celery("telling", broker=URL, backend=URL)


class Telling(bootsteps.StartStopStep):
    """Tells all the time what the worker knows."""

    requires = (CONSUMER_HAS_QUEUES,)

    def start(self, consumer: Any) -> None:
        """The queues are known now."""
        consumer.timer.call_repeatedly(0.05, tell, (consumer,))


def tell(consumer: Any) -> None:
    """Notes what the worker knows in Redis."""
    facts = {"processes": processes_of(consumer), "queues": queues_of(consumer), "tasks": tasks_at_work()}
    Redis.from_url(URL).set(KNOWN, json.dumps(facts))


app.steps["consumer"].add(Telling)


@app.task(bind=True, name="hold")
def hold(self: Task, release: str) -> None:
    """Tells the ids that it was sent, and works until a file exists."""
    Redis.from_url(URL).set(TOLD, json.dumps(self.request.get(IDS_HEADER)))
    while not Path(release).exists():
        time.sleep(0.02)
