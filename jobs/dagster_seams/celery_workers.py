"""What a Celery worker knows of itself.

For: a worker's signs of life, with its processes, queues and tasks at work, for metrics and readiness.
Without it: the metrics do not know the workers, and readiness fails.
Instead: documented attributes of a worker's consumer; `app.control.inspect()` asks over the broker, and waits
for workers that are gone.
"""

from __future__ import annotations

from typing import Any

from celery.worker import state

# The part of a worker after which its queues are known, in the form of a bootstep's `requires`.
CONSUMER_HAS_QUEUES = "celery.worker.consumer.tasks:Tasks"


def tasks_at_work() -> int:
    """How many tasks this worker's processes work on now."""
    return len(state.active_requests)


def processes_of(consumer: Any) -> int:
    """How many processes execute tasks for this worker."""
    return int(consumer.pool.num_processes)


def queues_of(consumer: Any) -> tuple[str, ...]:
    """Names of the queues that this worker takes tasks from, in order."""
    return tuple(sorted(queue.name for queue in consumer.task_consumer.queues))
