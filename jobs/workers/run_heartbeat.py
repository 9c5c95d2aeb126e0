"""Heartbeats of a run's process. The process exits when its run was marked as failed or deleted."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial

import redis
from dagster import DagsterInstance, DagsterRun

from jobs.runs import IsBeating, imported_keys
from orders_pipeline.base.meanwhile import meanwhile
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.state.heartbeat import Sign, beating
from orders_pipeline.monitoring.run_beats import BEAT_SECONDS, forget_run, is_beating, note_run
from orders_pipeline.services.redis_clients import ask_redis
from orders_pipeline.services.redis_server import redis_url
from resources.order_store import OrderStore


@contextmanager
def run_heartbeat(settings: Settings, instance: DagsterInstance, run: DagsterRun) -> Iterator[None]:
    """Sends heartbeats for the imports that a run works on, or for a run that imports nothing."""
    keys = imported_keys(run)

    def give_way() -> None:
        # The run was marked as failed or deleted, and another run may do its work now.
        current = instance.get_run_by_id(run.run_id)
        if current is None or current.is_finished:
            os.kill(os.getpid(), signal.SIGINT)

    with ExitStack() as stack:
        if keys:
            engine = stack.enter_context(OrderStore(settings.store_url, home=settings.home).open())
            stack.enter_context(beating(engine, keys, Sign.RUN, then=give_way))
        else:
            client = stack.enter_context(closing(ask_redis(redis_url(settings))))
            stack.enter_context(_beating(client, run.run_id, give_way))
        yield


def beats_of(settings: Settings) -> IsBeating:
    """Returns a function that tells whether a run of this home sends heartbeats."""

    def beats(run_id: str) -> bool | None:
        with closing(ask_redis(redis_url(settings))) as client:
            return is_beating(client, run_id)

    return beats


@contextmanager
def _beating(client: redis.Redis, run_id: str, then: Callable[[], None]) -> Iterator[None]:
    try:
        with meanwhile(partial(_beat, client, run_id, then)):
            yield
    finally:
        with suppress(redis.RedisError):
            forget_run(client, run_id)


def _beat(client: redis.Redis, run_id: str, then: Callable[[], None], ended: threading.Event) -> None:
    while True:
        for act in (partial(note_run, client, run_id), then):
            # One missed heartbeat does no harm, and the run's own work reports the same error.
            with suppress(Exception):
                act()
        if ended.wait(BEAT_SECONDS):
            return
