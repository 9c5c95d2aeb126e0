"""Live figures, and their copy in Redis, which is rewritten after each finished batch.

| key | holds; expires 5 minutes after the last write |
|---|---|
| `kpis:realtime:{figure}[:{CUR}]` | one figure, as a JSON number |
| `kpis:realtime:state` | `{store} {default currency} {day} {state of the batches}` of these figures |
| `kpis:realtime:batches:{store}` | hash: state and figures of each batch that changed; an unchanged batch is
not read again |
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import cast
from zoneinfo import ZoneInfo

import redis
from sqlalchemy import Engine

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.clock import now_us, start_of_day, today
from orders_pipeline.figures.kpis.kpi_documents import Document, money_number
from orders_pipeline.figures.kpis.live import batch_figures as source
from orders_pipeline.figures.kpis.live.batch_figures import ByCurrency, Live, Numbers
from orders_pipeline.figures.redis_keys import currency_suffix
from orders_pipeline.services.redis_clients import UNREACHABLE
from orders_pipeline.services.redis_memo import Entry, Memo, entries_of, recount
from orders_pipeline.store.engine import reading

LIFETIME_SECONDS = 300
PREFIX = "kpis:realtime"
STATE, BATCHES = f"{PREFIX}:state", f"{PREFIX}:batches"
FIGURES = (
    "pending_orders",
    "processing_orders",
    "completed_today",
    "failed_today",
    "revenue_today",
    "orders_per_second",
)
PUBLISH_TRIES = 5
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Present:
    """All live figures at one state of the store, and the figures of the batches to cache."""

    state: str
    figures: list[Numbers]
    entries: dict[str, Entry]
    orders_per_second: float

    def document(self, live: Live, currency: str) -> Document:
        """The JSON document of one currency."""
        revenue = money_number(Decimal(live.revenue).scaleb(-minor_digits(currency)), currency)
        counts = (live.pending, live.processing, live.completed, live.failed)
        return dict(zip(FIGURES, (*counts, revenue, self.orders_per_second), strict=True))

    def by_currency(self) -> ByCurrency:
        """The sums over all batches, by currency."""
        return source.add_up(self.figures)


@dataclass(frozen=True, slots=True)
class Realtime:
    """Live figures. A day begins at midnight in `zone`.

    Args:
        owner: id of the order store, from `store_id`.
        currency: the default currency, whose keys have no suffix.
    """

    engine: Engine
    client: redis.Redis
    owner: str
    currency: str
    zone: ZoneInfo

    def figures(self, currency: str) -> Document:
        """The live figures of a currency: from Redis if no order has changed, otherwise from the batches."""
        try:
            return self._stored(currency) or self._of(self._publish(), currency)
        except UNREACHABLE as error:
            log.warning("Redis is down; live figures are counted without it: %s", error)
        return self._of(self._count({}), currency)

    def by_currency(self) -> ByCurrency:
        """The live figures of every currency with open orders or orders settled today.

        Raises:
            RedisError: Redis does not answer. The figures are not computed then, because all orders of today
                would have to be read.
        """
        return self._publish().by_currency()

    def publish(self) -> None:
        """Writes the live figures of every currency to Redis."""
        self._publish()

    def _of(self, present: Present, currency: str) -> Document:
        return present.document(present.by_currency().get(currency, Live()), currency)

    def _publish(self) -> Present:
        for _ in range(PUBLISH_TRIES):
            known = self._memo.known()
            present = self._count(known)
            self._memo.keep(known, present.entries)
            self._store(present)
            # Another writer may have written older figures after this one, so the state is read again.
            if self._state() == present.state == self.client.get(STATE):
                break
        return present

    def _count(self, known: dict[str, Entry]) -> Present:
        midnight = start_of_day(today(self.zone), self.zone)
        with reading(self.engine) as connection:
            moving = source.moving_batches(connection, midnight)
            counted = recount(moving, known, partial(source.figures_of_batch, connection, midnight))
            rate = source.settled_per_second(connection, now_us())
            state = self._named(source.state_of_all(connection))
        return Present(state, [numbers for _, numbers in counted], entries_of(counted), rate)

    def _stored(self, currency: str) -> Document | None:
        keys = [self._key(figure, currency) for figure in FIGURES]
        state, *values = cast(list[str | None], self.client.mget([STATE, *keys]))
        if state != self._state():
            return None
        return {figure: json.loads(value or "0") for figure, value in zip(FIGURES, values, strict=True)}

    def _store(self, present: Present) -> None:
        with self.client.pipeline(transaction=True) as pipeline:
            for currency, live in {self.currency: Live(), **present.by_currency()}.items():
                for figure, value in present.document(live, currency).items():
                    pipeline.set(self._key(figure, currency), json.dumps(value), ex=LIFETIME_SECONDS)
            pipeline.set(STATE, present.state, ex=LIFETIME_SECONDS - 1)
            pipeline.execute()

    @property
    def _memo(self) -> Memo:
        return Memo(self.client, f"{BATCHES}:{self.owner}", LIFETIME_SECONDS)

    def _state(self) -> str:
        with reading(self.engine) as connection:
            return self._named(source.state_of_all(connection))

    def _named(self, state: str) -> str:
        return f"{self.owner} {self.currency} {today(self.zone)} {state}"

    def _key(self, figure: str, currency: str) -> str:
        return f"{PREFIX}:{figure}{currency_suffix(currency, self.currency)}"
