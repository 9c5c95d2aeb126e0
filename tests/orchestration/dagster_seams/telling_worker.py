"""A Celery app whose worker reports its own state, and whose task reports its arguments."""

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
KNOWN, GIVEN = "worker-knows", "task-was-given"
app = Celery("telling", broker=URL, backend=URL)


class Telling(bootsteps.StartStopStep):
    """Repeatedly reports the state of the worker."""

    requires = (CONSUMER_HAS_QUEUES,)

    def start(self, consumer: Any) -> None:
        """By now, the queues are known."""
        consumer.timer.call_repeatedly(0.05, tell, (consumer,))


def tell(consumer: Any) -> None:
    """Writes the worker's state to Redis."""
    facts = {"processes": processes_of(consumer), "queues": queues_of(consumer), "tasks": tasks_at_work()}
    Redis.from_url(URL).set(KNOWN, json.dumps(facts))


app.steps["consumer"].add(Telling)


@app.task(bind=True, name="hold")
def hold(self: Task, release: str) -> None:
    """Reports the ids that it got, and works until a file exists."""
    Redis.from_url(URL).set(GIVEN, json.dumps(self.request.get(IDS_HEADER)))
    while not Path(release).exists():
        time.sleep(0.02)
