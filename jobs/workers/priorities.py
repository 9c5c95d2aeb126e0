"""Priorities of waiting tasks: 0 to 9; a higher priority is processed first, on every broker.

Figures have the highest priority, because they take seconds and people wait for them. Then started work is
finished first: later steps of an import have priority over earlier ones, so that batches, and then files, are
finished. The rollback of a batch has a lower priority than its completion, because both lock the batch, and
one of two workers would only wait. If a file has few batches, all their other steps have the same priority,
so each step is done for all batches before the next one: a batch left to the end would keep only one worker
busy. A file with a single batch has priority over the batches of large files. The run's tag
`dagster-celery/run_priority` is added, for files that are urgent or can wait.
"""

from collections.abc import Mapping
from enum import IntEnum

from orders_pipeline.services.broker_tls import is_amqp

# The tag by which dagster-celery orders the steps that it sends.
STEP_TAG, RUN_TAG = "dagster-celery/priority", "dagster-celery/run_priority"
LOWEST, HIGHEST = 0, 9
SINGLE_BATCH_BONUS = 4
FEW_BATCHES = range(2, 9)


class Priority(IntEnum):
    """Priorities of steps, before those of the run and the file are added."""

    SMALL_FILES = LOWEST
    BEGIN = 1
    UNDO = 2
    GO_ON = 3
    OTHER_WORK = 3
    END = 4
    FIGURES = HIGHEST


def priority_tag(priority: Priority) -> dict[str, str]:
    """Returns the op tag that gives a step its priority."""
    return {STEP_TAG: str(int(priority))}


def step_priority(step_tags: Mapping[str, str], run_tags: Mapping[str, str], batches: int) -> int:
    """Returns the priority of a step of a run; `batches`, the number in its file, is 0 until it is known."""
    own = int(step_tags.get(STEP_TAG, Priority.OTHER_WORK))
    if batches in FEW_BATCHES and own != Priority.UNDO:
        own = Priority.GO_ON
    bonus = SINGLE_BATCH_BONUS if batches == 1 else 0
    return min(max(own + bonus + _run_priority(run_tags), LOWEST), HIGHEST)


def message_priority(priority: int, broker_url: str) -> int:
    """Returns the priority for the broker: RabbitMQ delivers the highest first, kombu on Redis the lowest."""
    return priority if is_amqp(broker_url) else HIGHEST - priority


def _run_priority(run_tags: Mapping[str, str]) -> int:
    value = run_tags.get(RUN_TAG, "0")
    return int(value) if value.lstrip("-").isdecimal() else 0
