"""Asks the services that the settings name, and says why one cannot be used and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cli.context import is_store_made
from cli.refused_connections import refused_connection
from cli.stack.errors import StackError
from orders_pipeline.base.settings import Settings
from orders_pipeline.services.redis_server import broker_url
from orders_pipeline.store.engine import open_engine, reading

Ask = Callable[[Settings], None]


def absent_services(settings: Settings) -> Iterator[StackError]:
    """Yields an error for each service that cannot be used: order store, external Redis, external broker."""
    if is_store_made(settings):
        yield from _asked(_ask_store, settings)
    yield from absent_queues(settings)


def absent_queues(settings: Settings) -> Iterator[StackError]:
    """Yields an error for the external Redis and for the external broker, if it cannot be used."""
    if settings.redis_url:
        yield from _asked(_ask_redis, settings)
    if settings.broker_url:
        yield from _asked(_ask_broker, settings)


def _asked(ask: Ask, settings: Settings) -> Iterator[StackError]:
    try:
        ask(settings)
    except Exception as error:
        refused = refused_connection(error)
        if refused is None:
            raise
        yield StackError(*refused)


def _ask_store(settings: Settings) -> None:
    engine = open_engine(settings.store_url)
    try:
        with reading(engine) as connection:
            connection.exec_driver_sql("SELECT 1")
    finally:
        engine.dispose()


def _ask_redis(settings: Settings) -> None:
    from cli.stack.readiness import ask_redis  # noqa: PLC0415

    ask_redis(settings.redis_url)


def _ask_broker(settings: Settings) -> None:
    from cli.stack.broker import ask_broker  # noqa: PLC0415 loads Celery

    ask_broker(broker_url(settings))
