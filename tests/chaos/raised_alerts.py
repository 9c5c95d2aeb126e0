"""Whether the stack raised the alerts that it should have raised, and in time."""

from __future__ import annotations

from sqlalchemy import Engine, or_, select
from sqlalchemy.exc import DBAPIError

from orders_pipeline.monitoring.alerts.alert_rules import AlertName
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import alerts

RAISED_WITHIN_SECONDS = 120


def was_raised(engine: Engine, name: AlertName, since: int) -> bool:
    """Whether an alert was open within two minutes after a time in microseconds."""
    a = alerts.c
    in_time = (
        a.raised_at <= since + RAISED_WITHIN_SECONDS * 1_000_000,
        or_(a.over_at.is_(None), a.over_at > since),
    )
    try:
        with reading(engine) as connection:
            return connection.execute(select(a.id).where(a.name == name, *in_time)).first() is not None
    except DBAPIError:
        return False
