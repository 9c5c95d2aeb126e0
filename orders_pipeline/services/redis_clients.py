"""Redis clients, and the errors that mean that Redis is down."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

AWAY = (redis.ConnectionError, redis.TimeoutError)
# Includes a Redis that rejects writes. Readers then use the stores instead. There is no narrower
# class for missing disk space or replicas, nor, on Redis 6.2, for a script that runs out of memory.
UNREACHABLE = (*AWAY, redis.ResponseError)


def ask_redis(url: str) -> redis.Redis:
    """A client for health checks and scrapes: fails within two seconds if Redis is down or hangs."""
    return _client(url, seconds=2, retries=0)


def open_redis(url: str) -> redis.Redis:
    """A client that returns text and connects on first use. It fails within a second if Redis is down."""
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
    """Writes a key that expires in a minute: a full Redis or a replica still answers a ping.

    Raises:
        RedisError: Redis does not answer, or rejects writes.
    """
    return bool(client.set("health:written", "yes", ex=60))
