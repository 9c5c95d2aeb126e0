"""Signs of life of those who work on an import: the run's process, and the workers on its steps."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from sqlalchemy import Engine, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.store.schema import imports

BEAT_SECONDS = 5.0
log = logging.getLogger(__name__)


class Sign(StrEnum):
    """Whose sign of life; the name of its column in `imports`."""

    RUN = "run_beat_at"
    WORK = "work_beat_at"


def wait_for_heartbeats() -> None:
    """Returns once everybody who lives has sent another heartbeat."""
    time.sleep(2 * BEAT_SECONDS)


@contextmanager
def beating(
    engine: Engine, key: str, sign: Sign, every: float = BEAT_SECONDS, then: Callable[[], None] | None = None
) -> Iterator[None]:
    """Notes a sign of life of the import at once, and every few seconds while the context lasts.

    Args:
        then: called after each beat.
    """
    ended = threading.Event()
    thread = threading.Thread(target=_beat, args=(engine, key, sign, every, then, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _beat(
    engine: Engine,
    key: str,
    sign: Sign,
    every: float,
    then: Callable[[], None] | None,
    ended: threading.Event,
) -> None:
    statement = update(imports).where(imports.c.partition_key == key)
    # The first beat comes at once: many steps end within one pause, and are work all the same.
    while True:
        try:
            with engine.begin() as connection:
                connection.execute(statement.values({sign.value: now_us()}))
            if then:
                then()
        except Exception as error:  # noqa: BLE001 a thread that ended would let the work pass for dead
            # The work itself meets the same trouble and says so; a beat left out is no harm.
            log.warning("no sign of life could be noted: %s", error)
        if ended.wait(every):
            return
