"""The program that delivers events to webhooks, and notices to customers: `python -m cli.events`."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import httpx
from sqlalchemy import Engine

from cli.context import open_store
from orders_pipeline.base.model import Notifications
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.base.telemetry.logs import configure_logs
from orders_pipeline.events.destinations import Reach
from orders_pipeline.events.relay import Relay
from orders_pipeline.notifications.queue import queueing
from orders_pipeline.notifications.sender import NoticeSender
from orders_pipeline.notifications.terms import NoticeTerms
from orders_pipeline.notifications.types import keep_notification_types
from orders_pipeline.store.engine import STORE_FAILED

AGAIN_AFTER_SECONDS = 5
# Imports and pages go first while the processors are busy.
NICENESS = 10
log = logging.getLogger(__name__)


def main() -> None:
    """Delivers events until SIGTERM or SIGINT, at a low priority."""
    os.nice(NICENESS)
    settings, stopping = load_settings(), Event()
    configure_logs(settings)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopping.set())
    while not stopping.is_set():
        try:
            deliver(settings, stopping)
        except STORE_FAILED as error:
            log.warning("the order store does not answer: %s", error)
            stopping.wait(AGAIN_AFTER_SECONDS)


def deliver(settings: Settings, stopping: Event) -> None:
    """Delivers the events of a home's order store, and its notices, until `stopping` is set."""
    reach, certificates = Reach.of(settings.webhook_networks), httpx.create_ssl_context()
    terms = NoticeTerms.of(settings)
    with open_store(settings) as engine, _sending_notices(engine, terms, settings):
        Relay(engine, reach, certificates, also=queueing(terms), stopping=stopping).run()


@contextmanager
def _sending_notices(engine: Engine, terms: NoticeTerms, settings: Settings) -> Iterator[None]:
    """Sends notices to customers within the context, if they are on."""
    keep_notification_types(engine, settings.notice_events)
    if settings.notifications is Notifications.OFF:
        yield
        return
    # In a separate thread, so that a slow mail server does not delay webhooks.
    sender = NoticeSender(engine, terms)
    thread = Thread(target=sender.run)
    thread.start()
    try:
        yield
    finally:
        sender.stopping.set()
        thread.join()


if __name__ == "__main__":
    main()
