"""Redis clients, and the errors that mean that Redis is down."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from orders_pipeline.services.outage import Outage

AWAY = (redis.ConnectionError, redis.TimeoutError)
# Includes a Redis that rejects writes. Readers then use the stores instead. There is no narrower
# class for missing disk space or replicas, nor, on Redis 6.2, for a script that runs out of memory.
UNREACHABLE = (*AWAY, redis.ResponseError)
Answer = TypeVar("Answer")


def ask_redis(url: str) -> redis.Redis:
    """A client for health checks and scrapes: fails within two seconds if Redis is down or hangs."""
    return _client(url, 2, Retry(NoBackoff(), 0))


def open_redis(url: str) -> redis.Redis:
    """A client that returns text and connects on first use. It fails within a second if Redis is down."""
    return _client(url, 30, Retry(NoBackoff(), 1))


def open_guarded_redis(url: str, outage: Outage) -> redis.Redis:
    """A client for programs that answer people: only the first calls of an outage wait, up to two seconds."""
    return _client(url, 2, _Guarded(outage))


def redis_outage(url: str) -> Outage:
    """Outages of this Redis."""

    def ask() -> None:
        with closing(ask_redis(url)) as client:
            client.ping()

    return Outage(ask, *AWAY)


class _Guarded(Retry):
    """Retries over a new connection if an old one is broken, but not during an outage."""

    def __init__(self, outage: Outage) -> None:
        super().__init__(NoBackoff(), 1, (redis.ConnectionError,))
        self._outage = outage

    def __deepcopy__(self, memo: dict[int, Any]) -> _Guarded:
        # Every connection gets a copy; all are of the same Redis.
        return self

    def call_with_retry(self, do: Callable[[], Answer], *others: Any, **options: Any) -> Answer:
        """Sends a command or connects."""
        return self._outage.guard(lambda: super(_Guarded, self).call_with_retry(do, *others, **options))


def _client(url: str, seconds: int, retry: Retry) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=1,
        socket_timeout=seconds,
        retry=retry,
    )


def try_writing(client: redis.Redis) -> bool:
    """Writes a key that expires in a minute: a full Redis or a replica still answers a ping.

    Raises:
        RedisError: Redis does not answer, or rejects writes.
    """
    return bool(client.set("health:written", "yes", ex=60))
