"""All published figures of a home: reads and refreshes KPIs and leaderboards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from redis import Redis
from sqlalchemy import Engine

from orders_pipeline.base.model import Window
from orders_pipeline.figures.kpis import due, refresh
from orders_pipeline.figures.kpis.cache import KpiCache
from orders_pipeline.figures.kpis.live.order_totals import OrderTotals
from orders_pipeline.figures.kpis.live.realtime import Realtime
from orders_pipeline.figures.kpis.reader import KpiReader
from orders_pipeline.figures.kpis.refresh import ORDERS_AT_ONCE, PublishedDay
from orders_pipeline.figures.kpis.warehouse.first_days import forget_first_days
from orders_pipeline.figures.kpis.warehouse.warehouse_folder import warehouse_file
from orders_pipeline.figures.leaderboards.leaderboards import Leaderboards
from orders_pipeline.figures.leaderboards.range_boards import RangeBoards
from orders_pipeline.figures.tables import figures_file, postgresql_schema
from orders_pipeline.services.redis_clients import open_redis
from orders_pipeline.store.identity import store_id


@dataclass(frozen=True, slots=True)
class PublishedFigures:
    """Figures of an order store, kept in a warehouse folder and Redis. `currency` is the default currency."""

    engine: Engine
    folder: Path
    currency: str
    zone: ZoneInfo
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
        """Whether `refresh_dirty_days` would publish anything."""
        return due.are_due(self.engine, self.folder)

    def refresh_dirty_days(self) -> list[PublishedDay]:
        """Publishes each day whose orders changed since the last publication, or whose figures are lost."""
        return refresh.refresh_dirty_days(self.engine, self.folder, self.cache)

    def file_is_due(self) -> bool:
        """Whether `figures.duckdb` is older than the published figures and must be updated."""
        return figures_file.is_due(self.engine, self.folder, self.cache.owner)

    def state_in_file(self) -> str | None:
        """The state of all days, if `figures.duckdb` is up to date; None if it is older."""
        return figures_file.shown_state(self.engine, self.folder, self.cache.owner)

    def forget_customer(self, customer: str) -> None:
        """Removes the data of an erased customer that only the files of the warehouse still contain."""
        if warehouse_file(self.folder).exists():
            forget_first_days(self.folder, customer)
        self.update_tables()

    def update_tables(self) -> None:
        """Updates the tables for other tools to the published figures.

        These are `figures.duckdb` and, on PostgreSQL, the schema `figures`.
        """
        postgresql_schema.publish(self.engine, self.folder)
        if self.file_is_due():
            figures_file.bring_up_to_date(self.engine, self.folder, self.cache.owner, self.zone.key)

    def refresh_at_once(self) -> list[PublishedDay]:
        """Publishes the changed days if this takes only a moment.

        Otherwise they wait for the next refresh.
        """
        return refresh.refresh_at_once(self.engine, self.folder, self.cache)

    def rebuild(self) -> list[PublishedDay]:
        """Recomputes and publishes every day with a new warehouse.

        Until then, readers get the old figures.
        """
        days = refresh.rebuild(self.engine, self.folder, self.cache)
        figures_file.forget(self.folder)
        return days


@contextmanager
def open_figures(
    engine: Engine, folder: Path, redis: str | Redis, currency: str, zone: ZoneInfo
) -> Iterator[PublishedFigures]:
    """Yields the figures of the engine's order store. Reading works even while Redis is down.

    Args:
        redis: a client, which is closed at the end, or the URL for one.
    """
    client, owner = open_redis(redis) if isinstance(redis, str) else redis, store_id(engine)
    cache = KpiCache(client, owner, currency)
    try:
        yield PublishedFigures(
            engine=engine,
            folder=folder,
            currency=currency,
            zone=zone,
            cache=cache,
            kpis=KpiReader(engine, folder, cache),
            boards=Leaderboards(engine, client, owner, currency),
            live=Realtime(engine, client, owner, currency, zone),
            totals=OrderTotals(engine, client, owner),
            range_boards=RangeBoards(engine, folder),
        )
    finally:
        client.close()
