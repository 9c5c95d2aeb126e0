"""All published figures of a home: reads and refreshes KPIs and leaderboards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from orders_pipeline.base.model import Window
from orders_pipeline.figures.kpis import refresh
from orders_pipeline.figures.kpis.cache import KpiCache
from orders_pipeline.figures.kpis.order_totals import OrderTotals
from orders_pipeline.figures.kpis.reader import KpiReader
from orders_pipeline.figures.kpis.realtime import Realtime
from orders_pipeline.figures.kpis.refresh import ORDERS_AT_ONCE, PublishedDay
from orders_pipeline.figures.leaderboards.leaderboards import Leaderboards
from orders_pipeline.figures.leaderboards.range_boards import RangeBoards
from orders_pipeline.services.redis_clients import open_redis
from orders_pipeline.store.identity import store_id


@dataclass(frozen=True, slots=True)
class PublishedFigures:
    """Figures of an order store, kept in a warehouse folder and Redis. `currency` is the default currency."""

    engine: Engine
    folder: Path
    currency: str
    cache: KpiCache
    kpis: KpiReader
    boards: Leaderboards
    live: Realtime
    totals: OrderTotals
    range_boards: RangeBoards

    def publish_batch(self, window: Window) -> None:
        """Updates leaderboards and live figures with the orders of a finished batch."""
        self.boards.publish_window(window)
        self.live.publish()

    def refresh_days(self, days: Iterable[date], orders_at_once: int = ORDERS_AT_ONCE) -> list[PublishedDay]:
        """Recomputes and publishes these days."""
        return refresh.refresh_days(self.engine, self.folder, self.cache, days, orders_at_once)

    def are_due(self) -> bool:
        """Whether `refresh_dirty_days` has anything to publish."""
        return refresh.are_due(self.engine, self.folder)

    def refresh_dirty_days(self) -> list[PublishedDay]:
        """Publishes each day whose orders changed since the last publication, or whose figures are lost."""
        return refresh.refresh_dirty_days(self.engine, self.folder, self.cache)

    def rebuild(self) -> list[PublishedDay]:
        """Recomputes and publishes every day with a new warehouse. Readers keep the old figures meanwhile."""
        return refresh.rebuild(self.engine, self.folder, self.cache)


@contextmanager
def open_figures(
    engine: Engine, folder: Path, redis_url: str, currency: str, zone: ZoneInfo
) -> Iterator[PublishedFigures]:
    """The figures of the engine's order store. Readers work even while Redis is down."""
    client, owner = open_redis(redis_url), store_id(engine)
    cache = KpiCache(client, owner, currency)
    try:
        yield PublishedFigures(
            engine=engine,
            folder=folder,
            currency=currency,
            cache=cache,
            kpis=KpiReader(engine, folder, cache),
            boards=Leaderboards(engine, client, owner, currency),
            live=Realtime(engine, client, owner, currency, zone),
            totals=OrderTotals(engine, client, owner),
            range_boards=RangeBoards(engine, folder),
        )
    finally:
        client.close()
