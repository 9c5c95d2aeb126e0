"""The queues of the broker: sizes, workers and declarations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from amqp.exceptions import NotFound, PreconditionFailed
from celery import Celery
from kombu.connection import Connection
from kombu.entity import Queue
from kombu.exceptions import ChannelError, OperationalError

from orders_pipeline.base.settings import Settings
from orders_pipeline.services.broker_tls import amqps_options, is_amqp, plain_amqps
from orders_pipeline.services.redis_server import broker_url

QUEUES = ("orders", "dagster")
DEFAULT_QUEUE = "dagster"
# dagster-celery reads the queue of a step from this tag of its op.
QUEUE_TAG = "dagster-celery/queue"
PRIORITIES = 10
TIMEOUT_SECONDS = 2


def queue_sizes(settings: Settings) -> dict[str, int]:
    """Returns the number of waiting tasks by queue, on Redis or RabbitMQ.

    Raises:
        ConnectionError: the broker does not answer.
    """
    with broker_connection(settings) as connection:
        return {queue: queue_size(connection, queue) for queue in QUEUES}


@contextmanager
def broker_connection(settings: Settings) -> Iterator[Connection]:
    """Yields a connection to the broker.

    Raises:
        ConnectionError: the broker does not answer.
    """
    connection = _connect(settings)
    try:
        with connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=TIMEOUT_SECONDS)  # type: ignore[no-untyped-call]
            yield connection
    except (OperationalError, OSError, *connection.connection_errors) as error:
        raise ConnectionError(str(error)) from error


class _AllServed(Exception):
    """Ends the wait for further answers."""


def unserved_queues(app: Celery, within: float) -> set[str]:
    """Returns the queues that no worker serves. Waits up to this number of seconds for answers."""
    unserved = set(QUEUES)

    def note(answer: dict[str, Any]) -> None:
        for served in answer.values():
            unserved.difference_update(queue["name"] for queue in served)
        if not unserved:
            raise _AllServed

    with suppress(_AllServed, OperationalError, ConnectionError):
        app.control.broadcast("active_queues", reply=True, timeout=within, callback=note)
    return unserved


def transport_options(settings: Settings) -> dict[str, Any]:
    """Returns kombu's transport options, which must be the same for senders, workers and monitoring."""
    if is_amqp(broker_url(settings)):
        return {"max_retries": 3, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}
    return {
        "visibility_timeout": settings.visibility_timeout,
        # kombu checks for unacknowledged tasks every 10 s times this number; the default of 10 is too slow.
        "unacked_restore_throttle": 1,
        # One Redis list for each priority. With the default of four lists, adjacent priorities are merged.
        "priority_steps": list(range(PRIORITIES)),
    }


def _connect(settings: Settings) -> Connection:
    url = broker_url(settings)
    tls = amqps_options(url) or False
    # Monitoring must not hang when the broker hangs.
    limits = ("read_timeout", "write_timeout") if is_amqp(url) else ("socket_timeout",)
    options = transport_options(settings) | dict.fromkeys(limits, TIMEOUT_SECONDS)
    return Connection(  # type: ignore[no-untyped-call]
        plain_amqps(url), ssl=tls, connect_timeout=TIMEOUT_SECONDS, transport_options=options
    )


def misdeclared_queues(settings: Settings, app: Celery) -> dict[str, str]:
    """Returns queues that differ from their declaration, so that no worker can start, with RabbitMQ's error.

    Queues that do not exist are not created.

    Raises:
        ConnectionError: the broker does not answer.
    """
    if not is_amqp(broker_url(settings)):
        return {}
    with broker_connection(settings) as connection:
        found = {name: _declare_again(connection, app.amqp.queues[name]) for name in QUEUES}
    return {name: reason for name, reason in found.items() if reason}


def _declare_again(connection: Connection, queue: Queue) -> str:
    """Returns why RabbitMQ rejects the declaration of an existing queue. Changes nothing."""
    channel = connection.channel()  # type: ignore[no-untyped-call]
    try:
        declared = queue.bind(channel)  # type: ignore[no-untyped-call]
        declared.queue_declare(passive=True)
        declared.queue_declare()
    except NotFound:
        return ""
    except PreconditionFailed as error:
        return str(error.reply_text)
    finally:
        channel.close()
    return ""


def queue_size(connection: Connection, queue: str) -> int:
    """Returns the number of waiting tasks of a queue; 0 if no worker has created it yet."""
    channel = connection.channel()  # type: ignore[no-untyped-call]
    try:
        return int(channel.queue_declare(queue, passive=True).message_count)
    except (ChannelError, *connection.channel_errors):
        return 0
    finally:
        channel.close()
