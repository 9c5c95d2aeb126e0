"""Counts of all orders by status and currency, without reading all orders each time.

`stats:batches:{store}` in Redis is a hash of the state and the counts by currency of each batch. It expires
30 days after the last read. A batch is counted once, and again only if it changed and holds several
currencies.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

import redis
from sqlalchemy import Connection, Engine, func, select

from orders_pipeline.base.model import OrderStatus
from orders_pipeline.figures.kpis.live.batch_counts import BatchCounts, batch_counts
from orders_pipeline.services.redis_clients import UNREACHABLE
from orders_pipeline.services.redis_memo import Entry, Memo, entries_of, recount
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import orders

LIFETIME_SECONDS = 30 * 86_400
Counts = dict[str, dict[str, int]]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OrderTotals:
    """Counts of all orders of a store. `owner` is the id of the store."""

    engine: Engine
    client: redis.Redis
    owner: str

    def by_status(self, currency: str) -> dict[OrderStatus, int]:
        """The number of orders of a currency in each status."""
        totals = dict.fromkeys(OrderStatus, 0)
        for counts in self._of_batches():
            for status, number in counts.get(currency, {}).items():
                totals[OrderStatus(status)] += number
        return totals

    def _of_batches(self) -> list[Counts]:
        known = self._known()
        with reading(self.engine) as connection:
            counted = recount(batch_counts(connection), known, partial(_count, connection))
        self._keep(known, entries_of(counted))
        return [cast(Counts, counts) for _, counts in counted]

    def _known(self) -> dict[str, Entry]:
        try:
            return self._memo.known()
        except UNREACHABLE as error:
            log.warning("Redis is down; orders are counted without it: %s", error)
            return {}

    def _keep(self, known: Mapping[str, Entry], present: Mapping[str, Entry]) -> None:
        try:
            self._memo.keep(known, present)
        except UNREACHABLE as error:
            log.warning("Redis is down; counts are not cached: %s", error)

    @property
    def _memo(self) -> Memo:
        return Memo(self.client, f"stats:batches:{self.owner}", LIFETIME_SECONDS)


def _count(connection: Connection, batch: BatchCounts, before: Counts | None) -> Counts:
    if before and len(before) == 1:
        return {currency: dict(batch.by_status) for currency in before}
    query = (
        select(orders.c.currency, orders.c.status, func.count())
        .where(orders.c.id.between(*batch.window))
        .group_by(orders.c.currency, orders.c.status)
    )
    counts: Counts = {}
    for currency, status, number in connection.execute(query):
        counts.setdefault(currency, {})[status] = number
    return counts
