"""A real Celery worker whose heartbeat is that of older code."""

from __future__ import annotations

import os

from celery import Celery

from jobs.workers.worker_signs import worker_signs
from orders_pipeline.base.settings import load_settings
from orders_pipeline.services.redis_server import broker_url, redis_url

settings = load_settings()
app = Celery("orders-older", broker=broker_url(settings))
app.conf.update(task_default_queue="orders", task_create_missing_queues=True)
app.steps["consumer"].add(worker_signs(redis_url(settings), "0.1.9", os.environ["OLDER_REVISION"]))
