"""Failed work that needs attention: orders, steps of imports, whole imports, and files of the inbox."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from orders_pipeline.base.clock import to_datetime
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.failed_work.chosen import HAVE_FAILED, WITH_LAST_FAILURE, Chosen
from orders_pipeline.store.schema import (
    failures,
    imports,
    orders,
    quarantined_files,
    sources,
    step_failures,
)


class Kind(StrEnum):
    """A kind of failed work."""

    ORDERS = "orders"
    STEPS = "steps"
    IMPORTS = "imports"
    FILES = "files"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Conditions for listing failed work. An empty condition is not applied.

    Args:
        reason: why an order failed, the class of a step's error, `stalled` or `refused`, or why a file is in
            quarantine.
        key: partition key of a file.
        since: microseconds since 1970.
        text: part of a number, file name or message.
    """

    kind: Kind | None = None
    reason: str | None = None
    key: str | None = None
    source: str | None = None
    step: str | None = None
    since: int | None = None
    text: str | None = None

    def includes(self, kind: Kind) -> bool:
        """Whether this kind is listed. A step leaves only steps; the key or source of an import, no files."""
        of_import = self.key is not None or self.source is not None
        return (
            self.kind in (None, kind)
            and (self.step is None or kind is Kind.STEPS)
            and not (of_import and kind is Kind.FILES)
        )


def failed_work(connection: Connection, wanted: Wanted, limit: int, offset: int = 0) -> dict[str, Any]:
    """A page of each kind, newest first, and `counts` by kind and reason.

    The counts leave out the condition on the reason, so a list of reasons stays complete.
    """
    listings = {kind: _LISTINGS[kind](wanted) for kind in Kind if wanted.includes(kind)}
    document: dict[str, Any] = {
        "counts": {kind.value: _count(connection, listings.get(kind)) for kind in Kind}
    }
    for kind in Kind:
        document[kind.value] = _page(connection, listings.get(kind), wanted.reason, limit, offset)
    return document


@dataclass(frozen=True, slots=True)
class _Listing:
    """A kind of failed work.

    Attributes:
        counted: the same rows by fewer joins, to count them.
    """

    query: Select[Any]
    reason: ColumnElement[Any]
    newest_first: tuple[ColumnElement[Any], ...]
    counted: Select[Any] | None = None


def _count(connection: Connection, listing: _Listing | None) -> dict[str, int]:
    if listing is None:
        return {}
    counted = listing.counted if listing.counted is not None else listing.query
    query = counted.with_only_columns(listing.reason, func.count()).group_by(listing.reason)
    return dict(connection.execute(query.order_by(func.count().desc(), listing.reason)).all())


def _page(
    connection: Connection, listing: _Listing | None, reason: str | None, limit: int, offset: int
) -> list[dict[str, Any]]:
    if listing is None:
        return []
    query = listing.query.order_by(*listing.newest_first).limit(limit).offset(offset)
    if reason:
        query = query.where(listing.reason == reason)
    return [
        {**row, "failed_at": to_datetime(row["failed_at"]).isoformat(timespec="milliseconds")}
        for row in connection.execute(query).mappings()
    ]


def _orders(wanted: Wanted) -> _Listing:
    chosen = Chosen(source=wanted.source, key=wanted.key, since=wanted.since, text=wanted.text)
    failed = select(failures.c.reason).join_from(orders, failures, WITH_LAST_FAILURE)
    failed = failed.where(HAVE_FAILED, chosen.condition())
    query = (
        select(
            orders.c.number.label("order_id"),
            orders.c.status,
            failures.c.reason,
            failures.c.detail.label("message"),
            orders.c.attempt.label("attempts"),
            failures.c.failed_at,
            *_OF_FILE,
            orders.c.batch,
        )
        .join_from(orders, failures, WITH_LAST_FAILURE)
        .join(imports, imports.c.id == orders.c.import_id)
        .join(sources, sources.c.id == orders.c.source_id)
        .where(HAVE_FAILED, chosen.condition())
    )
    return _Listing(query, failures.c.reason, (orders.c.id.desc(),), failed)


def _steps(wanted: Wanted) -> _Listing:
    of_step = step_failures.c
    columns = (of_step.batch, of_step.step, of_step.run_id, of_step.attempts, of_step.message, of_step.trace)
    query = (
        select(of_step.error.label("reason"), *columns, of_step.failed_at, *_OF_FILE)
        .join_from(step_failures, imports)
        .join(sources)
        .where(imports.c.status != ImportStatus.FINISHED)
        .where(*_of_import(wanted, of_step.failed_at, (of_step.message, of_step.error)))
    )
    if wanted.step:
        query = query.where(of_step.step == wanted.step)
    return _Listing(query, of_step.error, (of_step.failed_at.desc(), of_step.import_id, of_step.batch))


def _imports(wanted: Wanted) -> _Listing:
    seen_at = func.coalesce(
        imports.c.work_beat_at, imports.c.run_beat_at, imports.c.started_at, imports.c.staged_at
    )
    query = (
        select(
            imports.c.status.label("reason"),
            imports.c.refused_code.label("code"),
            imports.c.refused_because.label("message"),
            imports.c.launches.label("attempts"),
            imports.c.run_id,
            seen_at.label("failed_at"),
            *_OF_FILE,
        )
        .join_from(imports, sources)
        .where(imports.c.status.in_((ImportStatus.STALLED, ImportStatus.REFUSED)))
        .where(or_(imports.c.status == ImportStatus.STALLED, imports.c.dismissed_at.is_(None)))
        .where(*_of_import(wanted, seen_at, (imports.c.refused_because,)))
    )
    return _Listing(query, imports.c.status, (imports.c.id.desc(),))


def _files(wanted: Wanted) -> _Listing:
    """Files in quarantine."""
    of_file = quarantined_files.c
    query = select(
        of_file.id,
        of_file.code.label("reason"),
        of_file.message,
        of_file.hint,
        of_file.file_name.label("file"),
        of_file.kept_as,
        of_file.retry_asked_at.is_not(None).label("retry_asked"),
        of_file.quarantined_at.label("failed_at"),
    ).where(of_file.closed_at.is_(None))
    if wanted.since is not None:
        query = query.where(of_file.quarantined_at >= wanted.since)
    if wanted.text:
        columns = (of_file.file_name, of_file.message)
        query = query.where(or_(*(column.icontains(wanted.text, autoescape=True) for column in columns)))
    return _Listing(query, of_file.code, (of_file.id.desc(),))


def _of_import(
    wanted: Wanted, at: ColumnElement[int], said: tuple[ColumnElement[Any], ...]
) -> list[ColumnElement[bool]]:
    met: list[ColumnElement[bool]] = []
    if wanted.key:
        met.append(imports.c.partition_key == wanted.key)
    if wanted.source:
        met.append(sources.c.name == wanted.source)
    if wanted.since is not None:
        met.append(at >= wanted.since)
    if wanted.text:
        columns = (imports.c.file_name, *said)
        met.append(or_(*(column.icontains(wanted.text, autoescape=True) for column in columns)))
    return met


_OF_FILE = (
    imports.c.file_name.label("file"),
    imports.c.partition_key.label("partition"),
    sources.c.name.label("source"),
)
_LISTINGS = {Kind.ORDERS: _orders, Kind.STEPS: _steps, Kind.IMPORTS: _imports, Kind.FILES: _files}
