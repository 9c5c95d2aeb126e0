"""Reads KPIs from Redis, or computes them from the published copy of the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection
from sqlalchemy import Engine

from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.figures.kpis.cache import KpiCache
from orders_pipeline.figures.kpis.kpi_documents import (
    Document,
    Kpis,
    daily_document,
    kpis_of,
    range_document,
)
from orders_pipeline.figures.kpis.publisher import require_publisher
from orders_pipeline.figures.kpis.readers_copy import latest_days, read_published
from orders_pipeline.figures.kpis.rows import rows_of
from orders_pipeline.figures.kpis.warehouse import sql

ONE_DAY = "SELECT * FROM daily_kpis WHERE day = $day AND currency = $currency"


@dataclass(frozen=True, slots=True)
class KpiReader:
    """KPIs of days and ranges; zeros for days without orders.

    Only the publishing home can compute figures that Redis does not hold. Other homes raise FiguresElsewhere.

    Args:
        warehouse: its folder.
    """

    engine: Engine
    warehouse: Path
    cache: KpiCache

    def daily_kpis(self, day: date, currency: str) -> Document:
        """The JSON document of one day."""
        return self.cache.daily(day, currency, lambda: self.compute_day(day, currency))

    def range_kpis(self, start: date, end: date, currency: str) -> Document:
        """The JSON document of the days from `start` to `end`, inclusive. Each customer counts once."""
        return self.cache.range(start, end, currency, lambda: self._compute_range(start, end, currency))

    def days(self, start: date, end: date, currency: str) -> list[Document]:
        """The KPIs of each day that has any, from `start` to `end`, in order."""
        query = (
            "SELECT * FROM daily_kpis WHERE day BETWEEN $start AND $end AND currency = $currency ORDER BY day"
        )
        parameters = {"start": start, "end": end, "currency": currency}
        rows = read_published(
            self._folder(), start, end, lambda connection: rows_of(connection, query, parameters)
        )
        return [_of_day(row["day"], currency, row) for row in rows]

    def latest_days(self, number: int, currency: str) -> list[Document]:
        """The KPIs of the latest days that have any, in order."""
        days = latest_days(self._folder(), number)
        return self.days(days[0], days[-1], currency) if days else []

    def currencies(self, start: date, end: date) -> list[str]:
        """The currencies that have figures on any day from `start` to `end`."""
        query = "SELECT DISTINCT currency FROM daily_kpis WHERE day BETWEEN $start AND $end ORDER BY currency"
        parameters = {"start": start, "end": end}
        rows = read_published(
            self._folder(), start, end, lambda connection: rows_of(connection, query, parameters)
        )
        return [row["currency"] for row in rows]

    def all_days(self) -> list[Document]:
        """The published KPIs of every day and currency."""
        query = "SELECT * FROM daily_kpis ORDER BY day, currency"
        rows = read_published(
            self._folder(), date.min, date.max, lambda connection: rows_of(connection, query)
        )
        return [_of_day(row["day"], row["currency"], row) for row in rows]

    def compute_day(self, day: date, currency: str) -> Document:
        """The published KPIs of one day, read without Redis."""
        parameters = {"day": day, "currency": currency}
        rows = read_published(
            self._folder(), day, day, lambda connection: rows_of(connection, ONE_DAY, parameters)
        )
        return _of_day(day, currency, rows[0] if rows else None)

    def _folder(self) -> Path:
        require_publisher(self.engine, self.warehouse)
        return self.warehouse

    def _compute_range(self, start: date, end: date, currency: str) -> Document:
        parameters = {"start": start, "end": end, "currency": currency}

        def ask(connection: DuckDBPyConnection) -> Kpis:
            return kpis_of(rows_of(connection, sql("range_kpis"), parameters)[0])

        return range_document(start, end, currency, read_published(self._folder(), start, end, ask), _now())


def _of_day(day: date, currency: str, row: dict[str, Any] | None) -> Document:
    if row is None:
        return daily_document(day, currency, Kpis(), _now())
    return daily_document(day, currency, kpis_of(row), row["generated_at"].replace(tzinfo=UTC))


def _now() -> datetime:
    return to_datetime(now_us())
