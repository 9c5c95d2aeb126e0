"""The shared context of all endpoints."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Query, Request
from pydantic import BeforeValidator
from redis import Redis
from sqlalchemy import Engine

from orders_pipeline.api.grouped_events import GroupedEvents
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.api.protocol.idempotency import KeysAtWork
from orders_pipeline.api.protocol.streams import Streams
from orders_pipeline.base.amounts.currency import MINOR_DIGITS, UnknownCurrencyError, currency_code
from orders_pipeline.base.clock import today
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.monitoring.queues import AskQueues
from orders_pipeline.services.outage import Outage

ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
QueueSizes = Callable[[], dict[str, int]]


@dataclass(frozen=True, slots=True)
class ApiContext:
    """Stores, settings and API key of a running API.

    Args:
        queue_sizes: waiting tasks by queue. Raises ConnectionError while the broker is down.
        ask_queues: queues with the age of their oldest task.
        watched_store: a client of the same store with short time-outs, for health requests.
        redis: a client with short time-outs.
        redis_outage, broker_outage: whether these services answer.
        watchers: threads reserved for health requests.
        key: the bearer token of this home.
        gateway_events: stores signed events of the payment gateway.
        keys_at_work: idempotency keys of requests that are not answered yet.
        proven_keys: digests of the keys that this process has accepted before.
    """

    settings: Settings = field(repr=False)
    engine: Engine
    figures: PublishedFigures
    queue_sizes: QueueSizes
    ask_queues: AskQueues
    watched_store: Engine
    redis: Redis
    redis_outage: Outage
    broker_outage: Outage
    watchers: CapacityLimiter
    key: str = field(repr=False)
    gateway_events: GroupedEvents
    proven_keys: set[bytes] = field(repr=False, default_factory=set)
    streams: Streams = field(default_factory=Streams)
    keys_at_work: KeysAtWork = field(default_factory=KeysAtWork)

    def today(self) -> date:
        """The current day in the configured time zone."""
        return today(self.settings.zone)


async def _context(request: Request) -> ApiContext:
    context: ApiContext = request.app.state.context
    return context


Context = Annotated[ApiContext, Depends(_context)]


def _known_currency(code: str) -> str:
    try:
        return currency_code(code)
    except UnknownCurrencyError as error:
        raise Refused(422, f"currency: {error}") from None


async def _currency(
    context: Context,
    currency: Annotated[
        str | None,
        Query(
            description="ISO 4217 code, in upper or lower case. Default: the configured currency.",
            examples=["USD"],
            json_schema_extra={"enum": sorted(MINOR_DIGITS)},
        ),
    ] = None,
) -> str:
    return context.settings.currency if currency is None else _known_currency(currency)


async def _only_currency(
    currency: Annotated[
        str | None,
        Query(
            description="ISO 4217 code, in upper or lower case. Default: all currencies.",
            examples=["USD"],
            json_schema_extra={"enum": sorted(MINOR_DIGITS)},
        ),
    ] = None,
) -> str | None:
    return None if currency is None else _known_currency(currency)


OnlyCurrency = Annotated[str | None, Depends(_only_currency)]
Currency = Annotated[str, Depends(_currency)]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many places.")]


def _iso_text(value: object) -> object:
    # Pydantic would read a number as seconds since 1970.
    if not isinstance(value, str) or not ISO_DAY.fullmatch(value):
        raise ValueError("a day is written as in 2025-11-10")
    return value


Day = Annotated[date, BeforeValidator(_iso_text)]


async def _period(
    start_date: Annotated[Day, Query(description="First day.", examples=["2025-11-10"])],
    end_date: Annotated[Day, Query(description="Last day, included.", examples=["2025-11-11"])],
) -> tuple[date, date]:
    if end_date < start_date:
        raise Refused(422, f"end_date: {end_date} is before start_date {start_date}")
    return start_date, end_date


async def _days(
    start_date: Annotated[Day | None, Query(description="First day.", examples=["2025-11-10"])] = None,
    end_date: Annotated[Day | None, Query(description="Last day, included.", examples=["2025-11-11"])] = None,
) -> tuple[date | None, date | None]:
    return await _period(start_date, end_date) if start_date and end_date else (start_date, end_date)


Days = Annotated[tuple[date | None, date | None], Depends(_days)]
Period = Annotated[tuple[date, date], Depends(_period)]
