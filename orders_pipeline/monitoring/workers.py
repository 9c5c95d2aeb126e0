"""Signs of life of the Celery workers, in Redis.

`workers` is a hash: Celery's name of a worker, and as JSON when it last gave a sign (seconds since 1970, by
the clock of Redis), its processes, the tasks in work, its queues and its code. A worker counts while its sign
is fresh.
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
    """A worker that is there; `busy` counts the tasks that it works on.

    `version` is that of its code, `revision` the one of the order store's tables that this code needs. Both
    are empty for workers of 0.1.0, which do not tell.
    """

    name: str
    processes: int
    busy: int
    queues: tuple[str, ...]
    version: str = ""
    revision: str = ""


def note_worker(client: redis.Redis, worker: Worker) -> None:
    """Notes a worker's sign of life."""
    told = asdict(worker) | {"at": _now(client)}
    del told["name"]
    client.hset(KEY, worker.name, json.dumps(told))
    client.expire(KEY, KEPT_SECONDS)


def forget_worker(client: redis.Redis, name: str) -> None:
    """Notes that a worker takes no more tasks."""
    client.hdel(KEY, name)


def workers_there(client: redis.Redis) -> list[Worker]:
    """Workers that gave a sign of life in the last 30 seconds; the others are forgotten.

    Raises:
        RedisError: Redis does not answer.
    """
    since = _now(client) - FRESH_SECONDS
    told = {name: json.loads(text) for name, text in cast(dict[str, str], client.hgetall(KEY)).items()}
    if gone := [name for name, sign in told.items() if sign["at"] < since]:
        client.hdel(KEY, *gone)
    return [_worker(name, sign) for name, sign in sorted(told.items()) if sign["at"] >= since]


def _worker(name: str, sign: Mapping[str, Any]) -> Worker:
    of_code = {one: sign.get(one, "") for one in ("version", "revision")}
    return Worker(name, sign["processes"], sign["busy"], tuple(sign["queues"]), **of_code)


def queues_served(workers: Iterable[Worker]) -> frozenset[str]:
    """The queues from which any of these workers takes tasks."""
    return frozenset(queue for worker in workers for queue in worker.queues)


def _now(client: redis.Redis) -> float:
    seconds, microseconds = client.time()
    return seconds + microseconds / 1_000_000
