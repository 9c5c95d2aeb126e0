"""Data quality: files with too many bad lines, and days that are published too late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, select

from orders_pipeline.base.clock import duration_us, now_us, to_datetime
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import imports, kpi_days

FILES_OF = timedelta(days=7)
PUBLISHED_WITHIN = timedelta(minutes=15)
Rows = list[dict[str, Any]]


def files_over_limit(engine: Engine, limit: float) -> Rows:
    """Files of the last 7 days whose share of bad lines exceeds `limit`, the newest first."""
    query = (
        select(imports.c.file_name, imports.c.records, imports.c.rejected_lines)
        .where(imports.c.started_at >= now_us() - duration_us(FILES_OF))
        .where(imports.c.rejected_lines > limit * imports.c.records)
        .order_by(imports.c.started_at.desc())
    )
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    return [
        {"file": row.file_name, "rejected_lines": row.rejected_lines, "records": row.records} for row in rows
    ]


def stale_days(engine: Engine) -> Rows:
    """Days with a change older than 15 minutes that is not published yet."""
    query = (
        select(kpi_days.c.day, kpi_days.c.version, kpi_days.c.published, kpi_days.c.due_since)
        .where(kpi_days.c.due_since < now_us() - duration_us(PUBLISHED_WITHIN))
        .order_by(kpi_days.c.day)
    )
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    return [
        {
            "day": str(row.day),
            "version": row.version,
            "published": row.published,
            "due_since": to_datetime(row.due_since).isoformat(timespec="seconds"),
        }
        for row in rows
    ]
