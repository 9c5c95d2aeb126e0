"""State of orders, imports and figures, from the order store's counts. No order is read."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from orders_pipeline.base.model import ImportStatus
from orders_pipeline.figures.kpis.live.batch_figures import settled_per_second
from orders_pipeline.imports.arrival import quarantine
from orders_pipeline.monitoring.alerts.alert_rows import count_open
from orders_pipeline.monitoring.order_counts import OrderCounts, order_counts
from orders_pipeline.store.schema import imports, kpi_days, snapshots


@dataclass(frozen=True, slots=True)
class Overview:
    """A summary of the order store. Times are in microseconds since 1970."""

    orders: OrderCounts
    settled_per_second: float
    imports: dict[ImportStatus, int]
    quarantined: int
    last_arrival: int | None
    last_settled: int | None
    last_snapshot: int | None
    days_due: int
    due_since: int | None
    open_alerts: dict[str, int]


def overview(connection: Connection, now: int) -> Overview:
    """The current summary."""
    by_status = dict.fromkeys(ImportStatus, 0)
    query = select(imports.c.status, func.count()).group_by(imports.c.status)
    for status, number in connection.execute(query):
        by_status[ImportStatus(status)] = number
    latest = select(func.max(imports.c.staged_at), func.max(imports.c.settled_at))
    due = select(func.count(), func.min(kpi_days.c.due_since))
    last_arrival, last_settled = connection.execute(latest).one()
    days_due, due_since = connection.execute(due.where(kpi_days.c.version > kpi_days.c.published)).one()
    return Overview(
        orders=order_counts(connection),
        settled_per_second=settled_per_second(connection, now),
        imports=by_status,
        quarantined=quarantine.count_open(connection),
        last_arrival=last_arrival,
        last_settled=last_settled,
        last_snapshot=connection.scalar(select(func.max(snapshots.c.taken_at))),
        days_due=days_due,
        due_since=due_since,
        open_alerts=count_open(connection),
    )
