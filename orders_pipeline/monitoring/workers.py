"""Heartbeats of the Celery workers, in Redis.

`workers` is a hash from Celery's name of a worker to JSON: the time of its last heartbeat (seconds since
1970, by the clock of Redis), its processes, running tasks, queues and code version. A worker counts as
present while its heartbeat is recent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import redis

KEY = "workers"
SIGN_SECONDS = 5.0
FRESH_SECONDS = 30.0
KEPT_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Worker:
    """A running worker. `busy` is the number of tasks that it is running.

    `version` is the version of its code, `revision` the revision of the order store's tables that this code
    needs. Both are empty for workers of 0.1.0, which do not report them.
    """

    name: str
    processes: int
    busy: int
    queues: tuple[str, ...]
    version: str = ""
    revision: str = ""


def note_worker(client: redis.Redis, worker: Worker) -> None:
    """Records a worker's heartbeat."""
    heartbeat = asdict(worker) | {"at": _now(client)}
    del heartbeat["name"]
    client.hset(KEY, worker.name, json.dumps(heartbeat))
    client.expire(KEY, KEPT_SECONDS)


def forget_worker(client: redis.Redis, name: str) -> None:
    """Records that a worker accepts no more tasks."""
    client.hdel(KEY, name)


def workers_there(client: redis.Redis) -> list[Worker]:
    """Workers with a heartbeat in the last 30 seconds. The others are removed.

    Raises:
        RedisError: Redis does not answer.
    """
    since = _now(client) - FRESH_SECONDS
    heartbeats = {name: json.loads(text) for name, text in cast(dict[str, str], client.hgetall(KEY)).items()}
    if gone := [name for name, sign in heartbeats.items() if sign["at"] < since]:
        client.hdel(KEY, *gone)
    return [_worker(name, sign) for name, sign in sorted(heartbeats.items()) if sign["at"] >= since]


def _worker(name: str, sign: Mapping[str, Any]) -> Worker:
    of_code = {one: sign.get(one, "") for one in ("version", "revision")}
    return Worker(name, sign["processes"], sign["busy"], tuple(sign["queues"]), **of_code)


def queues_served(workers: Iterable[Worker]) -> frozenset[str]:
    """The queues from which any of these workers takes tasks."""
    return frozenset(queue for worker in workers for queue in worker.queues)


def _now(client: redis.Redis) -> float:
    seconds, microseconds = client.time()
    return seconds + microseconds / 1_000_000
