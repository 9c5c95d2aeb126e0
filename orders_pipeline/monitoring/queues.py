"""The state of a queue, for any broker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of the broker. `oldest_since`, in microseconds: when its oldest task was queued, if known."""

    waiting: int
    oldest_since: int | None


# Reads the queues by name. Raises ConnectionError while the broker does not answer.
AskQueues = Callable[[], Mapping[str, Queue]]
