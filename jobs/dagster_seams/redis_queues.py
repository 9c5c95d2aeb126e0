"""How kombu keeps the tasks of a queue in Redis: a list for each priority, each task a JSON document.

For: since when the first task waits, and of which files tasks wait; looking takes no task away.
Without it: the watchdog cannot tell a waiting import from a lost one, and launches it again.
Instead: nothing public; AMQP's way, to take a task and put it back, moves it through the list of
unacknowledged tasks on Redis.
"""

from __future__ import annotations

import json
from typing import Any


def waiting_headers(channel: Any, queue: str, first: int = -1) -> list[dict[str, Any]]:
    """Headers of the tasks of each priority, from a place in its list on; the oldest stands last.

    Args:
        channel: one of a kombu connection to Redis.
        first: 0 for all tasks, -1 for the oldest of each priority.
    """
    keys = [channel._q_for_pri(queue, priority) for priority in channel.priority_steps]
    with channel.conn_or_acquire() as client:
        texts = [text for key in keys for text in client.lrange(key, first, -1)]
    return [_headers(text) for text in texts]


def _headers(text: bytes) -> dict[str, Any]:
    try:
        headers: dict[str, Any] = json.loads(text)["headers"]
    except (ValueError, LookupError, TypeError):
        # No task: the worker that gets it throws it away.
        return {}
    return headers
