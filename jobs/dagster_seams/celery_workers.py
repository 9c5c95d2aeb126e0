"""The state of a Celery worker, read inside the worker.

For: a worker's heartbeat with its processes, queues and running tasks, for metrics and readiness.
Without it: the metrics show no workers, and the readiness check fails.
Instead: documented attributes of a worker's consumer. `app.control.inspect()` goes through the broker and
waits for workers that no longer run.
"""

from __future__ import annotations

from typing import Any

from celery.worker import state

# The bootstep of a worker after which its queues are known, as a value of `requires`.
CONSUMER_HAS_QUEUES = "celery.worker.consumer.tasks:Tasks"


def tasks_at_work() -> int:
    """Returns the number of tasks that this worker is running."""
    return len(state.active_requests)


def processes_of(consumer: Any) -> int:
    """Returns the number of processes that execute tasks for this worker."""
    return int(consumer.pool.num_processes)


def queues_of(consumer: Any) -> tuple[str, ...]:
    """Returns the sorted names of the queues that this worker consumes."""
    return tuple(sorted(queue.name for queue in consumer.task_consumer.queues))
