"""Recomputes KPI days from the order store with set-based SQL, and publishes them.

The days are written to the warehouse, the readers' copy and Redis.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path

from duckdb import DuckDBPyConnection
from sqlalchemy import Engine

from orders_pipeline.figures.kpis.cache import KpiCache
from orders_pipeline.figures.kpis.kpi_documents import Document, Kpis, daily_document, kpis_of
from orders_pipeline.figures.kpis.publisher import become_publisher, publisher_elsewhere
from orders_pipeline.figures.kpis.warehouse import warehouse
from orders_pipeline.figures.kpis.warehouse.facts import export_facts
from orders_pipeline.figures.kpis.warehouse.published_parts import (
    changed_periods,
    days_of,
    month_of,
    read_listing,
)
from orders_pipeline.figures.kpis.warehouse.readers_copy import begin, publish_days
from orders_pipeline.figures.kpis.warehouse.rows import rows_of
from orders_pipeline.figures.kpis.warehouse.warehouse_folder import note_rebuild, warehouse_file
from orders_pipeline.store import kpi_days
from orders_pipeline.store.engine import reading

DAYS_AT_ONCE = 400
# The warehouse has enough memory for the facts of this number of orders.
ORDERS_AT_ONCE = 1_500_000
# The largest number of changed orders that a run publishes itself when it ends.
DAYS_OF_A_MOMENT, ORDERS_OF_A_MOMENT, PATIENCE_FOR_A_MOMENT = 40, 20_000, 2.0


@dataclass(frozen=True, slots=True)
class PublishedDay:
    """The published KPIs of a day and currency."""

    day: date
    currency: str
    kpis: Kpis
    generated_at: datetime

    @property
    def document(self) -> Document:
        """The JSON document that the API and the CLI return."""
        return daily_document(self.day, self.currency, self.kpis, self.generated_at)


def refresh_dirty_days(engine: Engine, folder: Path, cache: KpiCache) -> list[PublishedDay]:
    """Publishes each day whose orders changed since the last publication, or whose figures are lost.

    Raises:
        FiguresElsewhere: another home publishes.
    """
    with warehouse.only_writer(folder):
        _prepare(engine, folder, cache.owner)
    return refresh_days(engine, folder, cache, kpi_days.dirty_days(engine))


def refresh_at_once(engine: Engine, folder: Path, cache: KpiCache) -> list[PublishedDay]:
    """Publishes the changed days if this takes only a moment: few orders, and no other process publishes.

    Otherwise the days wait for the next refresh.
    """
    days = kpi_days.dirty_days(engine)
    if not days or len(days) > DAYS_OF_A_MOMENT or publisher_elsewhere(engine, folder):
        return []
    if sum(kpi_days.orders_by_day(engine, days).values()) > ORDERS_OF_A_MOMENT:
        return []
    try:
        with warehouse.only_writer(folder, PATIENCE_FOR_A_MOMENT):
            pass
        return refresh_days(engine, folder, cache, days)
    except warehouse.WarehouseBusyError:
        return []


def rebuild(engine: Engine, folder: Path, cache: KpiCache) -> list[PublishedDay]:
    """Computes and publishes every day again, with a new warehouse.

    Raises:
        FiguresElsewhere: another home publishes.
    """
    with warehouse.only_writer(folder):
        become_publisher(engine, folder)
        _start_over(engine, folder, cache.owner)
    return refresh_dirty_days(engine, folder, cache)


def refresh_days(
    engine: Engine,
    folder: Path,
    cache: KpiCache,
    days: Iterable[date],
    orders_at_once: int = ORDERS_AT_ONCE,
) -> list[PublishedDay]:
    """Recomputes and publishes these days, or all days if the warehouse is damaged.

    Args:
        folder: the folder of the warehouse.
        orders_at_once: approximate number of orders per chunk.

    Returns:
        The KPIs of these days, and of other days that changed with them; days without orders have none.

    Raises:
        FiguresElsewhere: another home publishes.
    """
    wanted = set(days)
    try:
        return _refresh_days(engine, folder, cache, wanted, orders_at_once)
    except warehouse.WarehouseDamagedError:
        with warehouse.only_writer(folder):
            _prepare(engine, folder, cache.owner)
        wanted |= set(kpi_days.dirty_days(engine))
        return _refresh_days(engine, folder, cache, wanted, orders_at_once)


def _refresh_days(
    engine: Engine, folder: Path, cache: KpiCache, days: set[date], orders_at_once: int
) -> list[PublishedDay]:
    if not days:
        return []
    with warehouse.only_writer(folder):
        _prepare(engine, folder, cache.owner)
    # Whole years are published, so the warehouse must contain the other days of the year too.
    years = {day.year for day in days}
    wanted = sorted(days | {day for day in kpi_days.dirty_days(engine) if day.year in years})
    chunks = _chunks(wanted, kpi_days.orders_by_day(engine, wanted), orders_at_once)
    return [day for chunk in chunks for day in _refresh(engine, folder, cache, chunk)]


def _chunks(days: Sequence[date], orders: Mapping[date, int], at_once: int) -> Iterator[list[date]]:
    """Yields the days in chunks of about `at_once` orders.

    Only a year or a month with more orders is split.
    """
    chunk: list[date] = []
    held = 0
    for day in _in_parts(days, orders, at_once):
        number = sum(orders.get(one, 0) for one in day)
        if chunk and (held + number > at_once or len(chunk) + len(day) > DAYS_AT_ONCE):
            yield chunk
            chunk, held = [], 0
        chunk += day
        held += number
    if chunk:
        yield chunk


def _in_parts(days: Sequence[date], orders: Mapping[date, int], at_once: int) -> Iterator[list[date]]:
    """Yields the days by year. A year with too many orders is split by month, and such a month by day."""

    def fits(period: Sequence[date]) -> bool:
        return sum(orders.get(day, 0) for day in period) <= at_once

    for _, of_year in groupby(days, key=lambda day: day.year):
        year = list(of_year)
        months = [list(month) for _, month in groupby(year, key=month_of)]
        for period in [year] if fits(year) else months:
            yield from [period] if fits(period) else ([day] for day in period)


def _refresh(engine: Engine, folder: Path, cache: KpiCache, days: Sequence[date]) -> list[PublishedDay]:
    # Only one writer at a time reads a snapshot, so an older snapshot never overwrites a newer one.
    with warehouse.only_writer(folder), warehouse.scratch(folder) as scratch:
        if not warehouse.is_current(folder, cache.owner):
            raise warehouse.WarehouseDamagedError("The warehouse was lost while it was refreshed.")
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
        # Publish to readers before the commit: if this process dies in between, the days are refreshed again.
        publish_days(connection, folder, days, changed, scratch)
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


def _prepare(engine: Engine, folder: Path, owner: str) -> None:
    """Prepares the warehouse and the readers' copy for writing; marks days of lost files for refresh."""
    become_publisher(engine, folder)
    if lost := _lost(engine, folder, owner):
        note_rebuild(folder, lost)
    listing = read_listing(folder)
    if not warehouse.is_current(folder, owner):
        _start_over(engine, folder, owner)
    elif listing is None or listing.made_for != warehouse.fingerprint(owner):
        kpi_days.mark_all_dirty(engine)
        begin(folder, warehouse.fingerprint(owner))
    else:
        kpi_days.mark_due(engine, map(days_of, sorted(changed_periods(folder, listing))))


def _start_over(engine: Engine, folder: Path, owner: str) -> None:
    kpi_days.mark_all_dirty(engine)
    begin(folder, warehouse.fingerprint(owner))
    warehouse.create(folder, owner)


def _lost(engine: Engine, folder: Path, owner: str) -> str:
    """Describes the files of published days that are missing or incomplete; empty if there are none."""
    if not kpi_days.any_published(engine):
        return ""
    listing = read_listing(folder)
    if listing is None:
        return "the published files were missing, or in the layout of an older version"
    if not warehouse_file(folder).exists():
        return "the warehouse was missing"
    periods = changed_periods(folder, listing) if listing.made_for == warehouse.fingerprint(owner) else set()
    return f"published files of {', '.join(sorted(periods))} were missing or damaged" if periods else ""
