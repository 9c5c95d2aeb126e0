"""Clients of Redis, and which of its errors mean that it is down."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

AWAY = (redis.ConnectionError, redis.TimeoutError)
# Or it takes no writes; readers take their figures from the stores in all these cases. There is no narrower
# class for a disk or replicas that are missing, nor on Redis 6.2 for memory that runs out in a script.
UNREACHABLE = (*AWAY, redis.ResponseError)


def ask_redis(url: str) -> redis.Redis:
    """A client for those who watch: a Redis that is down or hangs fails within two seconds."""
    return _client(url, seconds=2, retries=0)


def open_redis(url: str) -> redis.Redis:
    """A client whose answers are text, not yet connected; a Redis that is down fails within a second."""
    return _client(url, seconds=30, retries=1)


def _client(url: str, seconds: int, retries: int) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=1,
        socket_timeout=seconds,
        retry=Retry(NoBackoff(), retries),
    )


def try_writing(client: redis.Redis) -> bool:
    """Writes a key that is gone in a minute: a Redis that is full, or a replica, still answers a ping.

    Raises:
        RedisError: it does not answer, or takes no writes.
    """
    return bool(client.set("health:written", "yes", ex=60))
