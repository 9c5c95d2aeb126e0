"""KPI days in the order store: which of them changed, and which version the warehouse shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, Select, case, func, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import kpi_days, orders
from orders_pipeline.store.statements.upsert import insert_into


def mark_days(connection: Connection, days: Iterable[date]) -> None:
    """Makes these KPI days due for a refresh; their rows are locked in the order of the days."""
    rows = [{"day": day, "version": 1, "published": 0, "due_since": now_us()} for day in sorted(days)]
    if not rows:
        return
    statement = insert_into(connection, kpi_days)
    grown = {
        "version": kpi_days.c.version + 1,
        "due_since": func.coalesce(kpi_days.c.due_since, statement.excluded.due_since),
    }
    connection.execute(statement.on_conflict_do_update(index_elements=["day"], set_=grown), rows)


def dirty_days(engine: Engine) -> list[date]:
    """Days whose orders changed since they were last published, sorted."""
    query = select(kpi_days.c.day).where(kpi_days.c.version > kpi_days.c.published).order_by(kpi_days.c.day)
    with reading(engine) as connection:
        return list(connection.scalars(query))


def due_versions(engine: Engine) -> dict[date, int]:
    """Current version of each day that is due for a refresh."""
    query = select(kpi_days.c.day, kpi_days.c.version).where(kpi_days.c.version > kpi_days.c.published)
    with reading(engine) as connection:
        return {row.day: row.version for row in connection.execute(query)}


def are_published(engine: Engine, wanted: Mapping[date, int]) -> bool:
    """Whether the warehouse shows at least these versions of the days."""
    query = select(kpi_days.c.day, kpi_days.c.published).where(kpi_days.c.day.in_(list(wanted)))
    with reading(engine) as connection:
        return all(row.published >= wanted[row.day] for row in connection.execute(query))


def any_published(engine: Engine) -> bool:
    """Whether the warehouse shows any day."""
    with reading(engine) as connection:
        query = select(kpi_days.c.day).where(kpi_days.c.published > 0).limit(1)
        return connection.execute(query).first() is not None


def known_days(engine: Engine) -> list[date]:
    """All days that have orders, sorted."""
    with reading(engine) as connection:
        return list(connection.scalars(select(kpi_days.c.day).order_by(kpi_days.c.day)))


def orders_by_day(engine: Engine, days: Iterable[date]) -> dict[date, int]:
    """Number of orders on each of these days, whatever their status."""
    day = orders.c.day
    query = select(day, func.count()).where(day.in_(list(days))).group_by(day)
    with reading(engine) as connection:
        return dict(connection.execute(query).all())


def versions(connection: Connection, days: Iterable[date] | None) -> dict[date, int]:
    """Current version of each day, or of each of these days, that has orders."""
    query = _of(select(kpi_days.c.day, kpi_days.c.version), days)
    return {row.day: row.version for row in connection.execute(query)}


def all_versions(connection: Connection) -> dict[date, tuple[int, int]]:
    """Current and published version of each day that has orders or money back."""
    query = select(kpi_days.c.day, kpi_days.c.version, kpi_days.c.published)
    return {row.day: (row.version, row.published) for row in connection.execute(query)}


def state_of_days(engine: Engine) -> str:
    """A value that changes with each change of a day's orders, and with each publication of a day."""
    sums = (func.sum(kpi_days.c.version), func.sum(kpi_days.c.published))
    with reading(engine) as connection:
        number, versions, published = connection.execute(select(func.count(), *sums)).one()
    return f"{number}-{versions or 0}-{published or 0}"


def clean_versions(connection: Connection, days: Iterable[date] | None = None) -> dict[date, int]:
    """Version of each day, or of each of these days, that is not due for a refresh."""
    query = select(kpi_days.c.day, kpi_days.c.version).where(kpi_days.c.version == kpi_days.c.published)
    return {row.day: row.version for row in connection.execute(_of(query, days))}


def _of(query: Select[Any], days: Iterable[date] | None) -> Select[Any]:
    return query if days is None else query.where(kpi_days.c.day.in_(list(days)))


def mark_published(engine: Engine, published: Mapping[date, int]) -> None:
    """Notes which version of each day the warehouse shows; an older one changes nothing."""
    now = now_us()
    with engine.begin() as connection:
        for day, version in sorted(published.items()):
            connection.execute(
                update(kpi_days)
                .where(kpi_days.c.day == day, kpi_days.c.published < version)
                .values(published=version, due_since=case((kpi_days.c.version > version, now)))
            )


def mark_due(engine: Engine, spans: Iterable[tuple[date, date]]) -> None:
    """Makes the published days of these spans, both ends included, due for a refresh."""
    lost = {"published": 0, "due_since": func.coalesce(kpi_days.c.due_since, now_us())}
    with engine.begin() as connection:
        for span in spans:
            shown = (kpi_days.c.day.between(*span), kpi_days.c.published > 0)
            connection.execute(update(kpi_days).where(*shown).values(**lost))


def mark_all_dirty(engine: Engine) -> None:
    """Makes every day due for a refresh: the warehouse is empty."""
    with engine.begin() as connection:
        connection.execute(update(kpi_days).values(published=0, due_since=now_us()))
