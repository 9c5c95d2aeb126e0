"""Reads events that never arrived, for example because the API was down, from the provider's list."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator

from sqlalchemy import Engine, select, update

from orders_pipeline.payments.gateway import EventSource, ProviderEvent
from orders_pipeline.refunds.gateway_events.gateway_events import (
    EventUnreadableError,
    SentEvent,
    carry_out_events,
    store_events,
)
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import home

# How far back the first query goes; and the time by which queries overlap, because events may be listed late
# and clocks may differ.
FIRST_LOOK_SECONDS, OVERLAP_SECONDS = 7 * 24 * 3_600, 2 * 24 * 3_600
log = logging.getLogger(__name__)


def read_events(engine: Engine, terms: RefundTerms, source: EventSource) -> int:
    """Processes the events since the last query, each once; returns their number.

    Raises:
        GatewayUnavailableError: the provider does not answer; the next query starts at the same time.
    """
    began = int(time.time())
    with reading(engine) as connection:
        until = connection.execute(select(home.c.events_read_until)).scalar_one()
    since = min(until, began) - OVERLAP_SECONDS if until else began - FIRST_LOOK_SECONDS
    events = list(_readable(source.events(since)))
    store_events(engine, events)
    carry_out_events(engine, terms, {event.subject for event in events})
    with engine.begin() as connection:
        connection.execute(update(home).values(events_read_until=began))
    return len(events)


def _readable(events: Iterable[ProviderEvent]) -> Iterator[SentEvent]:
    for one in events:
        try:
            if one.body:
                yield SentEvent.read(one.id, one.body)
        except EventUnreadableError as error:
            log.warning("The event %s of the payment provider is left out: %s", one.id, error)
