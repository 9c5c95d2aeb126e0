"""Recomputes KPI days from the order store with set-based SQL, and publishes them.

The days go to the warehouse, the readers' copy and Redis.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from duckdb import DuckDBPyConnection
from sqlalchemy import Engine

from orders_pipeline.figures.kpis import warehouse
from orders_pipeline.figures.kpis.cache import KpiCache
from orders_pipeline.figures.kpis.facts import export_facts
from orders_pipeline.figures.kpis.kpi_documents import Document, Kpis, daily_document, kpis_of
from orders_pipeline.figures.kpis.publisher import become_publisher
from orders_pipeline.figures.kpis.readers_copy import publish_days
from orders_pipeline.figures.kpis.rows import rows_of
from orders_pipeline.store import kpi_days
from orders_pipeline.store.engine import reading

DAYS_AT_ONCE = 400
# The facts of this many orders fit in the warehouse's memory.
ORDERS_AT_ONCE = 1_500_000


@dataclass(frozen=True, slots=True)
class PublishedDay:
    """The published KPIs of a day and currency."""

    day: date
    currency: str
    kpis: Kpis
    generated_at: datetime

    @property
    def document(self) -> Document:
        """The JSON document that readers get."""
        return daily_document(self.day, self.currency, self.kpis, self.generated_at)


def refresh_dirty_days(engine: Engine, folder: Path, cache: KpiCache) -> list[PublishedDay]:
    """Publishes each day whose orders changed since the last publication.

    Raises:
        FiguresElsewhere: another home publishes.
    """
    with warehouse.only_writer(folder):
        _ensure_warehouse(engine, folder, cache)
    return refresh_days(engine, folder, cache, kpi_days.dirty_days(engine))


def refresh_days(
    engine: Engine,
    folder: Path,
    cache: KpiCache,
    days: Iterable[date],
    orders_at_once: int = ORDERS_AT_ONCE,
) -> list[PublishedDay]:
    """Recomputes and publishes these days.

    Args:
        folder: of the warehouse.
        orders_at_once: approximate number of orders per chunk.

    Returns:
        The KPIs of these days, and of other days that changed with them; days without orders have none.

    Raises:
        FiguresElsewhere: another home publishes.
    """
    wanted = sorted(set(days))
    chunks = _chunks(wanted, kpi_days.orders_by_day(engine, wanted), orders_at_once)
    return [day for chunk in chunks for day in _refresh(engine, folder, cache, chunk)]


def _chunks(days: Sequence[date], orders: Mapping[date, int], at_once: int) -> Iterator[list[date]]:
    """The days in chunks of about `at_once` orders. A day is never split."""
    chunk: list[date] = []
    held = 0
    for day in days:
        number = orders.get(day, 0)
        if chunk and (held + number > at_once or len(chunk) == DAYS_AT_ONCE):
            yield chunk
            chunk, held = [], 0
        chunk.append(day)
        held += number
    if chunk:
        yield chunk


def _refresh(engine: Engine, folder: Path, cache: KpiCache, days: Sequence[date]) -> list[PublishedDay]:
    # Only one writer takes a snapshot at a time, so an older snapshot never overwrites a newer one.
    with warehouse.only_writer(folder), warehouse.scratch(folder) as scratch:
        _ensure_warehouse(engine, folder, cache)
        with reading(engine) as snapshot:
            versions = kpi_days.versions(snapshot, days)
            export_facts(snapshot, days, scratch)
        published = _replace(folder, cache, days, scratch)
        kpi_days.mark_published(engine, versions)
    return published


def _replace(folder: Path, cache: KpiCache, days: Sequence[date], scratch: Path) -> list[PublishedDay]:
    with warehouse.open_for_writing(folder) as connection, warehouse.transaction(connection):
        changed = warehouse.replace_days(connection, days, scratch)
        published = _published(connection)
        # Publish to readers before the commit: if this process dies in between, the days are still due.
        publish_days(connection, folder, changed, scratch)
        cache.replace_days(changed, {(item.day, item.currency): item.document for item in published})
    return published


def _published(connection: DuckDBPyConnection) -> list[PublishedDay]:
    rows = rows_of(
        connection,
        "SELECT * FROM daily_kpis WHERE day IN (SELECT day FROM changed_days) ORDER BY day, currency",
    )
    return [
        PublishedDay(row["day"], row["currency"], kpis_of(row), row["generated_at"].replace(tzinfo=UTC))
        for row in rows
    ]


def _ensure_warehouse(engine: Engine, folder: Path, cache: KpiCache) -> None:
    become_publisher(engine, folder)
    if not warehouse.is_current(folder, cache.owner):
        kpi_days.mark_all_dirty(engine)
        warehouse.create(folder, cache.owner)
