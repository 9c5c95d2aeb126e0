"""Pings of a worker whose answers all come to one mailbox.

For: learning at once that a starting worker is ready.
Without it: `app.control.ping` makes a mailbox for each question, and on Redis the next one is read only after
a second of waiting at the last: `orders import` without a running stack takes seconds longer.
Instead: `app.control.ping`, once it can keep a mailbox.
"""

from __future__ import annotations

from collections.abc import Callable

from celery import Celery
from kombu.connection import Connection


def pings(app: Celery, connection: Connection, node: str, within: float) -> Callable[[], bool]:
    """A function that asks the worker `node` and tells whether it answered within so many seconds."""
    mailbox = app.control.mailbox(connection)
    return lambda: bool(mailbox.call([node], "ping", timeout=within))
