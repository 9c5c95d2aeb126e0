"""Heartbeats of a run's process, which ends itself when the run was given up."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from dagster import DagsterInstance, DagsterRun

from jobs.runs import imported_keys
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.heartbeat import Sign, beating
from resources.order_store import OrderStore


@contextmanager
def run_heartbeat(settings: Settings, instance: DagsterInstance, run: DagsterRun) -> Iterator[None]:
    """Sends heartbeats of the imports that a run works on; other runs need none."""
    keys = imported_keys(run)

    def give_way() -> None:
        # The run was given up or deleted, and another may work on its imports now.
        current = instance.get_run_by_id(run.run_id)
        if current is None or current.is_finished:
            os.kill(os.getpid(), signal.SIGINT)

    with ExitStack() as stack:
        if keys:
            engine = stack.enter_context(OrderStore(settings.store_url, home=settings.home).open())
            stack.enter_context(beating(engine, keys, Sign.RUN, then=give_way))
        yield
