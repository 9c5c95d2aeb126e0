"""Reads KPIs from Redis, or computes them from the published copy of the warehouse."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.figures.kpis.cache import KpiCache
from orders_pipeline.figures.kpis.kpi_documents import (
    FIELDS,
    Document,
    Kpis,
    daily_document,
    kpis_of,
    mean_money,
    range_document,
    shown_figure,
)
from orders_pipeline.figures.kpis.reading_figures import read_figures
from orders_pipeline.figures.kpis.warehouse.published_parts import days_of
from orders_pipeline.figures.kpis.warehouse.readers_copy import latest_months
from orders_pipeline.figures.kpis.warehouse.rows import rows_of
from orders_pipeline.figures.kpis.warehouse.warehouse import sql

ONE_DAY = "SELECT * FROM daily_kpis WHERE day = $day AND currency = $currency"
OF_DAYS = "day BETWEEN $start AND $end AND currency = $currency ORDER BY day"
DAYS = f"SELECT * FROM daily_kpis WHERE {OF_DAYS}"  # noqa: S608 a constant
LATEST_DAYS = """
    SELECT * FROM daily_kpis
    WHERE
        currency = $currency
        AND day IN (SELECT DISTINCT day FROM daily_kpis ORDER BY day DESC LIMIT $number)
    ORDER BY day
"""
CURRENCIES = "SELECT DISTINCT currency FROM daily_kpis WHERE day BETWEEN $start AND $end ORDER BY currency"
ALL_DAYS = "SELECT * FROM daily_kpis WHERE day BETWEEN $start AND $end ORDER BY day, currency"


@dataclass(frozen=True, slots=True)
class KpiReader:
    """KPIs of days and ranges; zeros for days without orders.

    Only the publishing home can compute figures that are not in Redis. Other homes raise FiguresElsewhere.
    If published files are lost, PartsLost is raised.

    Args:
        warehouse: the folder of the warehouse.
    """

    engine: Engine
    warehouse: Path
    cache: KpiCache

    def daily_kpis(self, day: date, currency: str) -> Document:
        """The JSON document of one day."""
        return self.cache.daily(day, currency, lambda: self.compute_day(day, currency))

    def range_kpis(self, start: date, end: date, currency: str) -> Document:
        """The JSON document of the days from `start` to `end`, inclusive. Each customer is counted once."""
        return self.cache.range(start, end, currency, lambda: self._compute_range(start, end, currency))

    def days(self, start: date, end: date, currency: str) -> list[Document]:
        """The KPIs of each day with figures, from `start` to `end`, in order."""
        bound = {"start": start, "end": end, "currency": currency}
        return [_of_day(row["day"], currency, row) for row in self._rows(start, end, DAYS, bound)]

    def series(self, start: date, end: date, currency: str, names: Collection[str]) -> list[Document]:
        """Some figures of each day with figures, in order."""
        wanted = [name for name in FIELDS if name in names]
        query = f"SELECT day, {', '.join(wanted)} FROM daily_kpis WHERE {OF_DAYS}"  # noqa: S608 names of figures
        bound = {"start": start, "end": end, "currency": currency}
        return [
            {"date": str(row["day"]), **{name: shown_figure(name, row[name], currency) for name in wanted}}
            for row in self._rows(start, end, query, bound)
        ]

    def latest_days(self, number: int, currency: str) -> list[Document]:
        """The KPIs of the latest days with figures, in order."""
        months = latest_months(self.warehouse, number)
        start = days_of(months[0])[0] if months else date.max
        bound = {"number": number, "currency": currency}
        return [_of_day(row["day"], currency, row) for row in self._rows(start, date.max, LATEST_DAYS, bound)]

    def currencies(self, start: date, end: date) -> list[str]:
        """The currencies that have figures on any day from `start` to `end`."""
        bound = {"start": start, "end": end}
        return [row["currency"] for row in self._rows(start, end, CURRENCIES, bound)]

    def all_days(self, start: date = date.min, end: date = date.max) -> list[Document]:
        """The published KPIs of every day and currency, or of those from `start` to `end`."""
        rows = self._rows(start, end, ALL_DAYS, {"start": start, "end": end})
        return [_of_day(row["day"], row["currency"], row) for row in rows]

    def compute_day(self, day: date, currency: str) -> Document:
        """The published KPIs of one day, read without Redis."""
        rows = self._rows(day, day, ONE_DAY, {"day": day, "currency": currency})
        return _of_day(day, currency, rows[0] if rows else None)

    def _compute_range(self, start: date, end: date, currency: str) -> Document:
        bound = {"start": start, "end": end, "currency": currency}
        row = self._rows(start, end, sql("range_kpis"), bound)[0]
        row["average_order_value"] = mean_money(row["total_revenue"], row["order_count"], currency)
        return range_document(start, end, currency, kpis_of(row), _now())

    def _rows(self, start: date, end: date, query: str, bound: dict[str, Any]) -> list[dict[str, Any]]:
        return read_figures(
            self.engine, self.warehouse, start, end, lambda connection: rows_of(connection, query, bound)
        )


def _of_day(day: date, currency: str, row: dict[str, Any] | None) -> Document:
    if row is None:
        return daily_document(day, currency, Kpis(), _now())
    return daily_document(day, currency, kpis_of(row), row["generated_at"].replace(tzinfo=UTC))


def _now() -> datetime:
    return to_datetime(now_us())
