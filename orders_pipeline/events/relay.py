"""Delivers events: assigns new ones to endpoints, and sends due requests with one thread for each endpoint.

Any number of relays may run, on any machine. An endpoint that is slow or down does not delay the others.
"""

from __future__ import annotations

import logging
import secrets
import ssl
from dataclasses import dataclass, field
from threading import Event, Thread
from time import monotonic

from sqlalchemy import Engine

from orders_pipeline.events.destinations import Reach
from orders_pipeline.events.endpoints import UnknownEndpointError
from orders_pipeline.events.rounds import (
    begin_round,
    end_round,
    endpoints_due,
    hold,
    keep,
    let_go,
    plan_round,
    read_messages,
)
from orders_pipeline.events.sending import Limits, send_messages
from orders_pipeline.events.spread import EVENTS_AT_ONCE, Also, any_to_spread, nothing_else, spread_events
from orders_pipeline.store.engine import STORE_FAILED, reading

PERIOD_SECONDS = 1.0
# The pause after a set of new events, as a multiple of the time that the set took.
PAUSE_FACTOR = 4
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
            until = monotonic() + PERIOD_SECONDS
            try:
                self._spread(until)
                self._begin_due()
            except STORE_FAILED as error:
                log.warning("the order store does not answer, so events wait: %s", error)
            self.stopping.wait(until - monotonic())
        for thread in self._busy.values():
            thread.join()

    def _spread(self, until: float) -> None:
        """Assigns new events to endpoints, in sets with pauses, until there are no more or it is `until`."""
        began = monotonic()
        while self._spread_set() and monotonic() < until:
            # On SQLite, a set and an import wait for each other, so the pause is longer during imports.
            self.stopping.wait(PAUSE_FACTOR * (monotonic() - began))
            began = monotonic()

    def _spread_set(self) -> bool:
        """Assigns a set of new events to endpoints; returns whether there may be more."""
        with reading(self.engine) as connection:
            if not any_to_spread(connection):
                return False
        return spread_events(self.engine, self.also) == EVENTS_AT_ONCE

    def _begin_due(self) -> None:
        """Starts a thread for each endpoint that has due requests."""
        self._busy = {number: thread for number, thread in self._busy.items() if thread.is_alive()}
        with reading(self.engine) as connection:
            due = set(endpoints_due(connection, self.holder))
        for endpoint_id in due - self._busy.keys():
            self._busy[endpoint_id] = Thread(target=self._deliver, args=(endpoint_id,), daemon=True)
            self._busy[endpoint_id].start()

    def _deliver(self, endpoint_id: int) -> None:
        try:
            with self.engine.begin() as connection:
                if not hold(connection, endpoint_id, self.holder):
                    return
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
        with reading(self.engine) as connection:
            planned = plan_round(connection, endpoint_id)
        if not (planned.again or planned.fresh):
            return False
        with self.engine.begin() as connection:
            if not keep(connection, endpoint_id, self.holder):
                return False
            begin_round(connection, planned)
        endpoint = planned.endpoint
        with reading(self.engine) as connection:
            messages = read_messages(connection, planned)
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
