"""Heartbeats of imports, in their rows of the store: from a run's process, and from workers on its steps."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import partial

from sqlalchemy import Engine, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.meanwhile import meanwhile
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.store.schema import imports

BEAT_SECONDS = 5.0
log = logging.getLogger(__name__)


class Sign(StrEnum):
    """The sender of a heartbeat; the value is its column in `imports`."""

    RUN = "run_beat_at"
    WORK = "work_beat_at"


def wait_for_heartbeats() -> None:
    """Returns once every living process has sent another heartbeat."""
    time.sleep(2 * BEAT_SECONDS)


@contextmanager
def beating(
    engine: Engine,
    keys: Sequence[str],
    sign: Sign,
    every: float = BEAT_SECONDS,
    then: Callable[[], None] | None = None,
) -> Iterator[None]:
    """Sends a heartbeat of these imports at once, and then every few seconds inside the context.

    Finished imports need none.

    Args:
        keys: the partition keys of the imports that a run works on.
        then: called after each heartbeat.
    """
    with meanwhile(partial(_beat, engine, keys, sign, every, then)):
        yield


def _beat(
    engine: Engine,
    keys: Sequence[str],
    sign: Sign,
    every: float,
    then: Callable[[], None] | None,
    ended: threading.Event,
) -> None:
    statement = update(imports).where(
        imports.c.partition_key.in_(keys), imports.c.status != ImportStatus.FINISHED
    )
    # The first one is sent at once, because many steps end before a second one would be sent.
    while True:
        try:
            with engine.begin() as connection:
                connection.execute(statement.values({sign.value: now_us()}))
            if then:
                then()
        except Exception as error:  # noqa: BLE001 if this thread ended, the work would count as dead
            # The work itself meets the same error and reports it. One missed heartbeat does no harm.
            log.warning("a heartbeat could not be stored: %s", error)
        if ended.wait(every):
            return
