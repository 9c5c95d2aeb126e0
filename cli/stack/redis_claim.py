"""Refuses to work on a Redis database that another home with another order store uses."""

from __future__ import annotations

from contextlib import closing

import redis
from sqlalchemy.exc import OperationalError

from cli.context import open_store
from cli.stack.errors import StackError
from orders_pipeline.base.settings import Settings
from orders_pipeline.services.broker_tls import is_amqp, verifying
from orders_pipeline.services.redis_clients import open_redis
from orders_pipeline.services.redis_owner import OWNER_KEY, Owner, RedisTakenError, claim_redis
from orders_pipeline.store.identity import store_id


def claim_services(settings: Settings) -> None:
    """Records in each configured Redis, including the broker's, which home uses it.

    A Redis that cannot be reached now is claimed by the next command; other checks report that it is down.

    Raises:
        StackError: another home with another order store uses one of them.
    """
    if not (urls := _redis_urls(settings)):
        return
    try:
        with open_store(settings) as engine:
            owner = Owner.of(store_id(engine), settings.home)
    except OperationalError:
        return
    for setting, url in urls.items():
        _claim(setting, url, owner)


def _redis_urls(settings: Settings) -> dict[str, str]:
    broker = "" if is_amqp(settings.broker_url) else settings.broker_url
    configured = {"ORDERS_REDIS_URL": settings.redis_url, "ORDERS_BROKER_URL": broker}
    return {setting: verifying(url) for setting, url in configured.items() if url}


def _claim(setting: str, url: str, owner: Owner) -> None:
    try:
        with closing(open_redis(url)) as client:
            claim_redis(client, owner)
    except RedisTakenError as error:
        raise StackError(
            "redis_taken",
            f"{error}.",
            f"Set {setting} to another database, such as redis://HOST:6379/1. If the other home is gone for "
            f"good, delete the key {OWNER_KEY} with redis-cli.",
        ) from error
    except redis.RedisError:
        return
