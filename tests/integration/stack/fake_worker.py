"""A Celery app with tasks that tests can follow, in place of the real one."""

from __future__ import annotations

import os
import time
from pathlib import Path

from celery import Celery

from orders_pipeline.base.settings import load_settings
from orders_pipeline.services.redis_server import broker_url

app = Celery("orders-test", broker=broker_url(load_settings()))
app.conf.update(task_default_queue="orders", task_acks_late=True, task_create_missing_queues=True)
app.conf.worker_proc_alive_timeout = 60


@app.task(name="wait_for_file")
def wait_for_file(started: str, release: str, done: str) -> None:
    """Reports its start, waits for a file, and reports its end."""
    Path(started).write_text(str(os.getpid()))
    while not Path(release).exists():
        time.sleep(0.02)
    Path(done).write_text("done")
