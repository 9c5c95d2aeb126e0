"""Delivers events: assigns new ones to endpoints, and sends due requests with one thread for each endpoint.

Any number of relays may run, on any machine. An endpoint that is slow or down does not delay the others.
"""

from __future__ import annotations

import logging
import secrets
import ssl
from dataclasses import dataclass, field
from threading import Event, Thread

from sqlalchemy import Engine

from orders_pipeline.events.destinations import Reach
from orders_pipeline.events.endpoints import UnknownEndpointError
from orders_pipeline.events.rounds import begin_round, end_round, endpoints_due, hold, let_go, read_messages
from orders_pipeline.events.sending import Limits, send_messages
from orders_pipeline.events.spread import EVENTS_AT_ONCE, Also, any_to_spread, nothing_else, spread_events
from orders_pipeline.store.engine import STORE_FAILED, reading

PERIOD_SECONDS = 1.0
log = logging.getLogger(__name__)


@dataclass
class Relay:
    """Delivers the events of an order store until it is told to stop."""

    engine: Engine
    reach: Reach
    certificates: ssl.SSLContext
    limits: Limits = field(default_factory=Limits)
    also: Also = nothing_else
    holder: str = field(default_factory=lambda: secrets.token_hex(8))
    stopping: Event = field(default_factory=Event)
    _busy: dict[int, Thread] = field(default_factory=dict)

    def run(self) -> None:
        """Delivers events until `stopping` is set, and then waits for open requests."""
        while not self.stopping.is_set():
            try:
                self._begin_due()
            except STORE_FAILED as error:
                log.warning("the order store does not answer, so events wait: %s", error)
            self.stopping.wait(PERIOD_SECONDS)
        for thread in self._busy.values():
            thread.join()

    def deliver_due(self) -> None:
        """Sends the requests that are due now, and waits for their outcomes."""
        self._begin_due()
        for thread in self._busy.values():
            thread.join()

    def _begin_due(self) -> None:
        self._busy = {number: thread for number, thread in self._busy.items() if thread.is_alive()}
        for endpoint_id in self._due() - self._busy.keys():
            self._busy[endpoint_id] = Thread(target=self._deliver, args=(endpoint_id,), daemon=True)
            self._busy[endpoint_id].start()

    def _due(self) -> set[int]:
        """Assigns new events to endpoints, and returns the endpoints that have due requests."""
        with reading(self.engine) as connection:
            more, due = any_to_spread(connection), endpoints_due(connection, self.holder)
        if not more:
            return set(due)
        while more and not self.stopping.is_set():
            more = spread_events(self.engine, self.also) == EVENTS_AT_ONCE
        with reading(self.engine) as connection:
            return set(endpoints_due(connection, self.holder))

    def _deliver(self, endpoint_id: int) -> None:
        try:
            while not self.stopping.is_set() and self._round(endpoint_id):
                pass
            with self.engine.begin() as connection:
                let_go(connection, endpoint_id, self.holder)
        except UnknownEndpointError:
            log.info("webhook %s was removed", endpoint_id)
        except STORE_FAILED as error:
            log.warning("the order store does not answer, so webhook %s waits: %s", endpoint_id, error)

    def _round(self, endpoint_id: int) -> bool:
        """Sends the due requests of an endpoint; returns whether there were any."""
        with self.engine.begin() as connection:
            if not hold(connection, endpoint_id, self.holder):
                return False
            endpoint, requests = begin_round(connection, endpoint_id)
        with reading(self.engine) as connection:
            messages = read_messages(connection, endpoint, requests)
        if not messages:
            return False
        sent = send_messages(
            endpoint.url,
            endpoint.keys,
            messages,
            self.reach,
            self.certificates,
            self.limits,
            is_over=self.stopping.is_set,
        )
        with self.engine.begin() as connection:
            end_round(connection, endpoint, sent)
        for one in sent:
            if one.error:
                log.warning("webhook %s did not get %s: %s", endpoint_id, one.message.webhook_id, one.error)
        return True
