"""Reads tasks that kombu stores in Redis: one list per priority, one JSON document per task.

For: the age of the oldest task and the files of waiting tasks, without removing a task from the queue.
Without it: the watchdog cannot distinguish a waiting import from a lost one, and launches it again.
Instead: no public method. Receiving a task and returning it, as with AMQP, would move it through the list of
unacknowledged tasks.
"""

from __future__ import annotations

import json
from typing import Any


def waiting_headers(channel: Any, queue: str, first: int = -1) -> list[dict[str, Any]]:
    """Returns the headers of each priority's tasks, from an index of its list on. The oldest task is last.

    Args:
        channel: the channel of a kombu connection to Redis.
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
        # Not a task. A worker that receives it discards it.
        return {}
    return headers
