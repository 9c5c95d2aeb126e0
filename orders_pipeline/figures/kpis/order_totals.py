"""How many orders of a currency stand where, of all time, without counting all orders again.

`stats:batches` in Redis is a hash of each batch's state and counts by currency: a batch is read once, and
again only if it moved and holds several currencies.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any, cast

import redis
from sqlalchemy import Connection, Engine, RowMapping, func, select

from orders_pipeline.base.model import OrderStatus
from orders_pipeline.services.redis_clients import UNREACHABLE
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import batches, orders

KEY = "stats:batches"
MOVES = ("progress_at", "loaded", *OrderStatus)
Counts = dict[str, dict[str, int]]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OrderTotals:
    """Counts of all orders of a store; `owner` names it."""

    engine: Engine
    client: redis.Redis
    owner: str

    def by_status(self, currency: str) -> dict[OrderStatus, int]:
        """Orders of a currency in each status."""
        totals = dict.fromkeys(OrderStatus, 0)
        for counts in self._batches().values():
            for status, number in counts.get(currency, {}).items():
                totals[OrderStatus(status)] += number
        return totals

    def _batches(self) -> dict[str, Counts]:
        known = self._known()
        with reading(self.engine) as connection:
            rows = list(connection.execute(select(batches)).mappings())
            found = {_name(row): _counts(connection, row, known.get(self._field(row))) for row in rows}
        # The currencies of a batch are known once all of it is there.
        loaded = [row for row in rows if row["loaded"] >= row["orders"]]
        self._remember({self._field(row): [_state(row), found[_name(row)]] for row in loaded}, known)
        return found

    def _known(self) -> dict[str, Any]:
        try:
            stored = cast(dict[str, str], self.client.hgetall(KEY))
        except UNREACHABLE as error:
            log.warning("Redis is down, orders are counted: %s", error)
            return {}
        return {field: json.loads(text) for field, text in stored.items()}

    def _remember(self, present: dict[str, Any], known: dict[str, Any]) -> None:
        changed = {field: json.dumps(entry) for field, entry in present.items() if known.get(field) != entry}
        if changed:
            try:
                self.client.hset(KEY, mapping=cast(Any, changed))
            except UNREACHABLE as error:
                log.warning("Redis is down, counts are not kept: %s", error)

    def _field(self, row: RowMapping) -> str:
        return f"{self.owner} {_name(row)}"


def _counts(connection: Connection, row: RowMapping, known: Any) -> Counts:
    if known and known[0] == _state(row):
        return cast(Counts, known[1])
    if known and len(known[1]) == 1:
        return {currency: {status: row[status] for status in OrderStatus} for currency in known[1]}
    last = row["first_order_id"] + row["orders"] - 1
    query = (
        select(orders.c.currency, orders.c.status, func.count())
        .where(orders.c.id.between(row["first_order_id"], last))
        .group_by(orders.c.currency, orders.c.status)
    )
    counts: Counts = {}
    for currency, status, number in connection.execute(query):
        counts.setdefault(currency, {})[status] = number
    return counts


def _name(row: RowMapping) -> str:
    return f"{row['import_id']}.{row['number']}"


def _state(row: RowMapping) -> str:
    return "-".join(str(row[name]) for name in MOVES)
