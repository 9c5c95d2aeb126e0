"""Whether changed days are published in time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, select

from orders_pipeline.base.clock import duration_us, now_us, to_datetime
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import kpi_days
from orders_pipeline.verify.check import Check, check_none

PUBLISHED_WITHIN = timedelta(minutes=15)


def check_published_in_time(engine: Engine) -> Check:
    """Looks for days with a change older than 15 minutes that is not published yet."""
    return check_none("changed_days_are_published_in_time", _late_days(engine))


def _late_days(engine: Engine) -> Iterator[dict[str, Any]]:
    query = (
        select(kpi_days.c.day, kpi_days.c.due_since)
        .where(kpi_days.c.due_since < now_us() - duration_us(PUBLISHED_WITHIN))
        .order_by(kpi_days.c.day)
    )
    with reading(engine) as connection:
        for row in connection.execute(query):
            yield {"day": row.day, "due_since": to_datetime(row.due_since).isoformat(timespec="seconds")}
