"""Signs of life of a run's process, and its end when the run was declared dead."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from dagster import DagsterInstance, DagsterRun

from jobs.runs import PARTITION_TAG
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.heartbeat import Sign, beating
from resources.order_store import OrderStore


@contextmanager
def run_heartbeat(settings: Settings, instance: DagsterInstance, run: DagsterRun) -> Iterator[None]:
    """Keeps the import that a run works on alive in the watchdog's eyes; other runs have no need."""
    key = run.tags.get(PARTITION_TAG)

    def give_way() -> None:
        # It was declared dead, or deleted, and another launched: two would only be in each other's way.
        current = instance.get_run_by_id(run.run_id)
        if current is None or current.is_finished:
            os.kill(os.getpid(), signal.SIGINT)

    with ExitStack() as stack:
        if key:
            engine = stack.enter_context(OrderStore(settings.store_url).open())
            stack.enter_context(beating(engine, key, Sign.RUN, then=give_way))
        yield
