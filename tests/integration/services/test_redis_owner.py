"""Two homes with two order stores on one Redis database: the second is refused, with the first one's name."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
import redis
from sqlalchemy import update

from cli.context import open_store
from cli.stack.errors import StackError
from cli.stack.redis_claim import claim_services
from orders_pipeline.base.settings import Settings
from orders_pipeline.services.redis_owner import OWNER_KEY
from orders_pipeline.store.known_store import forget_store
from orders_pipeline.store.schema import home


def settings_of(folder: Path, **more: str) -> Settings:
    return Settings(home=folder, **more)


def test_a_second_store_on_one_redis_database_is_refused_with_both_homes_named(
    tmp_path: Path, redis_url: str
) -> None:
    first, second = (settings_of(tmp_path / name, redis_url=redis_url) for name in ("first", "second"))
    claim_services(first)
    claim_services(first)
    with pytest.raises(StackError) as refused:
        claim_services(second)
    assert refused.value.code == "redis_taken"
    assert str(first.home) in refused.value.message
    assert str(second.home) in refused.value.message
    assert "ORDERS_REDIS_URL" in refused.value.hint
    with closing(redis.Redis.from_url(redis_url)) as client:
        client.delete(OWNER_KEY)
    claim_services(second)


def test_a_redis_that_is_only_the_broker_is_held_as_well(tmp_path: Path, redis_url: str) -> None:
    elsewhere = redis_url.rpartition("/")[0] + "/1"
    claim_services(settings_of(tmp_path / "first", redis_url=redis_url))
    second = settings_of(tmp_path / "second", redis_url=elsewhere, broker_url=redis_url)
    with pytest.raises(StackError) as refused:
        claim_services(second)
    assert "ORDERS_BROKER_URL" in refused.value.hint


def test_homes_on_one_order_store_share_its_redis(tmp_path: Path, redis_url: str) -> None:
    store = f"sqlite:///{tmp_path / 'orders.db'}"
    for name in ("main", "worker"):
        claim_services(settings_of(tmp_path / name, redis_url=redis_url, database_url=store))


def test_a_home_keeps_its_redis_when_its_store_was_restored(tmp_path: Path, redis_url: str) -> None:
    own = settings_of(tmp_path / "home", redis_url=redis_url)
    claim_services(own)
    with open_store(own) as engine:
        with engine.begin() as connection:
            connection.execute(update(home).values(token="another"))  # noqa: S106 not a secret
        # As a restore does.
        forget_store(engine, own.home)
    claim_services(own)


def test_a_redis_that_does_not_answer_is_reported_by_other_checks(tmp_path: Path) -> None:
    claim_services(settings_of(tmp_path / "home", redis_url="redis://127.0.0.1:1/0"))
