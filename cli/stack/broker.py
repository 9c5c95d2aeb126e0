"""Checks whether the broker and its workers answer.

Import this module only where it is needed: loading Celery is slow, and most commands do not use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from celery import Celery
from kombu.exceptions import OperationalError

from jobs.dagster_seams.celery_pings import pings
from jobs.workers.queues import unserved_queues
from orders_pipeline.services.broker_tls import amqps_options, plain_amqps

ANSWERS_WITHIN_SECONDS = 0.25


def ask_broker(url: str) -> None:
    """Connects to the Celery broker at this URL.

    Raises:
        OperationalError: it cannot be reached.
    """
    with _celery(url) as app, app.connection_for_write(connect_timeout=2) as connection:
        connection.ensure_connection(max_retries=1, timeout=5)


@contextmanager
def asking(broker: str, node: str) -> Iterator[Callable[[], bool]]:
    """Yields a function that returns whether a Celery worker answers; it can be called repeatedly."""
    with _celery(broker) as app, app.connection_for_write() as connection:
        ping = pings(app, connection, node, ANSWERS_WITHIN_SECONDS)

        def answers() -> bool:
            try:
                return ping()
            except (OperationalError, *connection.connection_errors):
                connection.collect()
                return False

        yield answers


def all_queues_are_served(broker: str, seconds: float) -> bool:
    """Whether Celery workers on any machine serve every queue; waits at most `seconds` for answers."""
    with _celery(broker) as app:
        return not unserved_queues(app, seconds)


def _celery(broker: str) -> Celery:
    tls = {"broker_use_ssl": amqps_options(broker)}
    return Celery(broker=plain_amqps(broker), changes=tls, set_as_current=False)
