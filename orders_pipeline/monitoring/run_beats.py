"""Heartbeats, in Redis, of runs that import nothing. The order store has no heartbeats of such runs.

`run:ID:beat` exists while the process of the run is alive, and for half a minute after its last heartbeat.
"""

from __future__ import annotations

import redis

BEAT_SECONDS = 5.0
FRESH_SECONDS = 30


def note_run(client: redis.Redis, run_id: str) -> None:
    """Records a heartbeat."""
    client.set(_key(run_id), "alive", ex=FRESH_SECONDS)


def forget_run(client: redis.Redis, run_id: str) -> None:
    """Records that the run has ended."""
    client.delete(_key(run_id))


def is_beating(client: redis.Redis, run_id: str) -> bool | None:
    """Whether a run sent a heartbeat in the last half minute. None: Redis does not answer."""
    try:
        return bool(client.exists(_key(run_id)))
    except redis.RedisError:
        return None


def _key(run_id: str) -> str:
    return f"run:{run_id}:beat"
