"""Pings a worker, with one mailbox for all replies.

For: detecting immediately that a starting worker is ready.
Without it: `app.control.ping` creates a mailbox for each ping. On Redis, each new mailbox is read up to a
second late: `orders import` without a running stack takes seconds longer.
Instead: `app.control.ping`, once it can reuse a mailbox.
"""

from __future__ import annotations

from collections.abc import Callable

from celery import Celery
from kombu.connection import Connection


def pings(app: Celery, connection: Connection, node: str, within: float) -> Callable[[], bool]:
    """Returns a function that pings the worker `node` and returns whether it replied `within` seconds."""
    mailbox = app.control.mailbox(connection)
    return lambda: bool(mailbox.call([node], "ping", timeout=within))
