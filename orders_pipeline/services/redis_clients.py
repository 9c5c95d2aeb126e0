"""What all figures in Redis share: the client, when it counts as down, whose figures they are, scripts."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine, select

from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import home

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


def store_id(engine: Engine) -> str:
    """Names the order store; figures in Redis that carry another name are those of another store."""
    with reading(engine) as connection:
        return str(connection.execute(select(home.c.token)).scalar_one())


def currency_suffix(currency: str, default: str) -> str:
    """End of a key: nothing for the default currency, `:{CUR}` for others."""
    return "" if currency == default else f":{currency}"


@cache
def script(package: str, name: str) -> str:
    """Text of a Lua or SQL file of a package."""
    return files(package).joinpath(name).read_text(encoding="utf-8")
