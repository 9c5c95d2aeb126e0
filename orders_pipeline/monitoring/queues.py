"""What is known of a queue of the broker, whichever broker that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of the broker; `oldest_since`, in microseconds: when its first task was queued, if known."""

    waiting: int
    oldest_since: int | None


# Queues by name; raises ConnectionError while the broker does not answer.
AskQueues = Callable[[], Mapping[str, Queue]]
