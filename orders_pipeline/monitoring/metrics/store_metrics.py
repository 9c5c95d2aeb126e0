"""Metrics of orders, imports, figures and alerts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.figures.kpis.live.batch_figures import ByCurrency
from orders_pipeline.figures.kpis.warehouse.readers_copy import last_published
from orders_pipeline.monitoring.alerts.alert_rules import AlertName
from orders_pipeline.monitoring.overview import Overview

SECOND_US = 1_000_000
Label = TypeVar("Label", bound=str)


def of_store(found: Overview, now: int) -> Iterator[Metric]:
    """Metrics of the order store at a time, in microseconds since 1970."""
    yield _gauge("orders_orders", "Orders by status, in all currencies.", "status", found.orders.by_status)
    yield GaugeMetricFamily(
        "orders_unloaded_orders",
        "Orders of parsed files that are not loaded yet.",
        found.orders.unloaded,
    )
    ended = {"completed": found.orders.completed, "unsold": found.orders.unsold}
    yield _counter("orders_settled", "Order attempts that ended, with or without a sale.", "outcome", ended)
    yield GaugeMetricFamily(
        "orders_settled_per_second",
        "Orders settled per second by the running imports.",
        found.settled_per_second,
    )
    yield _gauge("orders_imports", "Order files by status of their import.", "status", found.imports)
    yield GaugeMetricFamily(
        "orders_quarantined_files", "Files of the inbox that could not be imported.", found.quarantined
    )
    yield _time(
        "orders_last_arrival_timestamp_seconds",
        "Time at which the last order file arrived.",
        found.last_arrival,
    )
    yield _time(
        "orders_last_settled_timestamp_seconds",
        "Time at which the last import was settled.",
        found.last_settled,
    )
    yield _time(
        "orders_last_snapshot_timestamp_seconds",
        "Time of the last snapshot of the queues. If it is old, schedules and sensors do not run.",
        found.last_snapshot,
    )
    yield GaugeMetricFamily(
        "orders_kpis_due", "Days with changes that the KPIs do not show yet.", found.days_due
    )
    waited = (now - found.due_since) / SECOND_US if found.due_since else 0.0
    yield GaugeMetricFamily(
        "orders_kpi_due_seconds", "Age of the oldest change that the KPIs do not show yet.", waited
    )
    raised = {name: found.open_alerts.get(name, 0) for name in AlertName}
    yield _gauge("orders_alerts_open", "Open alerts.", "name", raised)


def of_warehouse(folder: Path) -> Iterator[Metric]:
    """Freshness of the published KPIs."""
    published = last_published(folder)
    at = int(published * SECOND_US) if published else None
    yield _time("orders_kpi_published_timestamp_seconds", "Time at which KPIs were last published.", at)


def of_rejects(by_code: Mapping[str, int]) -> Metric:
    """Rejected lines."""
    return _counter("orders_rejected_lines", "Lines of order files that were rejected.", "code", by_code)


def of_today(figures: ByCurrency) -> Iterator[Metric]:
    """Orders settled today."""
    orders = GaugeMetricFamily(
        "orders_settled_today", "Orders settled since midnight.", labels=["currency", "outcome"]
    )
    revenue = GaugeMetricFamily(
        "orders_revenue_today", "Revenue of the orders completed since midnight.", labels=["currency"]
    )
    for currency, live in sorted(figures.items()):
        orders.add_metric([currency, "completed"], live.completed)
        orders.add_metric([currency, "unsold"], live.failed)
        revenue.add_metric([currency], float(Decimal(live.revenue).scaleb(-minor_digits(currency))))
    yield from (orders, revenue)


def _gauge(name: str, meaning: str, label: str, values: Mapping[Label, float]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for value, number in values.items():
        family.add_metric([str(value)], number)
    return family


def _counter(name: str, meaning: str, label: str, values: Mapping[Label, float]) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=[label])
    for value, number in values.items():
        family.add_metric([str(value)], number)
    return family


def _time(name: str, meaning: str, microseconds: int | None) -> Metric:
    """A time in seconds since 1970; no sample if it is unknown."""
    family = GaugeMetricFamily(name, meaning)
    if microseconds is not None:
        family.add_metric([], microseconds / SECOND_US)
    return family
