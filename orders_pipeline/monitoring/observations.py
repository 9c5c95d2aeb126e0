"""Gathers the observations that the alert rules need."""

from __future__ import annotations

import shutil
from pathlib import Path

import redis
from redis.exceptions import RedisError
from sqlalchemy import Connection, Engine, func, select

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import AuthorizationStatus, GatewayEventStatus, ImportStatus
from orders_pipeline.base.text.printable import printable_line
from orders_pipeline.events.failed import failing_endpoints, not_spread_since
from orders_pipeline.figures.kpis.warehouse.warehouse_folder import last_rebuild
from orders_pipeline.imports.arrival import quarantine
from orders_pipeline.imports.arrival.intake import current_pause
from orders_pipeline.monitoring.alerts.rule_input import (
    EVENT_REPORTED_HOURS,
    EVENT_WAITS_MINUTES,
    HOUR_US,
    MINUTE_US,
    FailedResults,
    Observations,
    OpenImport,
    OpenRefunds,
    Quarantine,
    SilentSensor,
    Uncaptured,
    WaitingEvents,
    WaitingFiles,
    WaitingNotices,
    WaitingWebhook,
)
from orders_pipeline.monitoring.order_counts import order_counts
from orders_pipeline.monitoring.queues import AskQueues, Queue
from orders_pipeline.monitoring.snapshots import snapshot_before
from orders_pipeline.monitoring.workers import queues_served, workers_there
from orders_pipeline.notifications.listing import waiting_since
from orders_pipeline.refunds.requests.terms import awaits_approval
from orders_pipeline.services.redis_clients import try_writing
from orders_pipeline.staging.inbox import Inbox
from orders_pipeline.store.backup_rows import failed_backup, last_good_backup
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import (
    authorizations,
    batches,
    gateway_events,
    imports,
    kpi_days,
    notification_sender,
    refunds,
    result_files,
)

# The first files get an alert each, and all others share one, because a thousand notices would not help.
FILES_LISTED = 10
# A run tries to write results again every five minutes.
RESULTS_TRIED_MINUTES = 15


def observe(
    engine: Engine,
    client: redis.Redis,
    ask_queues: AskQueues,
    home: Path,
    warehouse: Path,
    inbox: Inbox,
    sensors: list[SilentSensor],
) -> Observations:
    """Observes the pipeline. Redis and the broker may be down.

    Args:
        warehouse: the folder of the warehouse.
        sensors: what Dagster knows of its sensors.

    Raises:
        DBAPIError: the order store does not answer.
    """
    queues, served, now = _queues(ask_queues), _served(client), now_us()
    with reading(engine) as connection:
        ended, unsold = _ended_of_last_hour(connection, now)
        return Observations(
            now=now,
            services={"redis": served is not None, "broker": queues is not None},
            queues=queues,
            served=served,
            ended=ended,
            unsold=unsold,
            last_arrival=connection.scalar(select(func.max(imports.c.staged_at))),
            open_imports=_open_imports(connection),
            figures_due_since=connection.scalar(select(func.min(kpi_days.c.due_since))),
            free_share=free_share(home),
            rebuild=last_rebuild(warehouse),
            first_arrival=connection.scalar(select(func.min(imports.c.staged_at))),
            failed_backup=failed_backup(connection, now),
            last_backup=last_good_backup(connection),
            quarantine=_quarantine(connection),
            waiting_files=None if current_pause(connection) else _waiting_files(inbox),
            sensors=sensors,
            open_refunds=_open_refunds(connection),
            uncaptured=_uncaptured(connection),
            failed_results=_failed_results(connection, now),
            waiting_events=_waiting_events(connection, now),
            webhooks=_webhooks(connection),
            waiting_notices=_waiting_notices(connection),
        )


def free_share(home: Path) -> float:
    """The free share of the disk that holds a home."""
    usage = shutil.disk_usage(home)
    return usage.free / usage.total


def _queues(ask_queues: AskQueues) -> dict[str, Queue] | None:
    try:
        return dict(ask_queues())
    except ConnectionError:
        return None


def _served(client: redis.Redis) -> frozenset[str] | None:
    try:
        try_writing(client)
        return queues_served(workers_there(client))
    except RedisError:
        return None


def _ended_of_last_hour(connection: Connection, now: int) -> tuple[int, int]:
    before, counts = snapshot_before(connection, now - HOUR_US), order_counts(connection)
    if before is None:
        return 0, 0
    ended = counts.completed + counts.unsold
    return ended - before.ended, counts.unsold - before.unsold


def _quarantine(connection: Connection) -> Quarantine:
    first = [(file.kept_as, file.code) for file in quarantine.first_open(connection, FILES_LISTED)]
    return Quarantine(quarantine.count_open(connection), first)


def _waiting_files(inbox: Inbox) -> WaitingFiles | None:
    waiting = inbox.waiting()
    if not waiting:
        return None
    since, name = min(waiting)
    return WaitingFiles(len(waiting), printable_line(name), since // 1000)


def _open_refunds(connection: Connection) -> OpenRefunds | None:
    unapproved = func.count().filter(awaits_approval())
    query = select(func.count(), unapproved, func.min(refunds.c.requested_at))
    number, waiting, since = connection.execute(query.where(refunds.c.settled_at.is_(None))).one()
    return OpenRefunds(number, waiting, since) if number else None


def _uncaptured(connection: Connection) -> Uncaptured | None:
    a = authorizations.c
    query = select(func.count(), func.min(a.authorized_at))
    nobody_asked = (a.settled_at.is_(None), a.status == AuthorizationStatus.OPEN)
    number, since = connection.execute(query.where(*nobody_asked)).one()
    return Uncaptured(number, since) if number else None


def _failed_results(connection: Connection, now: int) -> FailedResults | None:
    file = result_files.c
    # If none was tried again, the outbox is no longer in the settings.
    failed = (file.error.is_not(None), file.failed_at > now - RESULTS_TRIED_MINUTES * MINUTE_US)
    query = select(file.error).where(*failed).order_by(file.failed_at.desc())
    reasons = connection.execute(query).scalars().all()
    return FailedResults(len(reasons), reasons[0]) if reasons else None


def _waiting_events(connection: Connection, now: int) -> WaitingEvents | None:
    e = gateway_events.c
    reported = e.received_at.between(
        now - EVENT_REPORTED_HOURS * HOUR_US, now - EVENT_WAITS_MINUTES * MINUTE_US
    )
    query = select(e.received_at, e.reason).where(e.status == GatewayEventStatus.WAITING, reported)
    found = connection.execute(query.order_by(e.received_at)).all()
    return WaitingEvents(len(found), *found[0]) if found else None


def _webhooks(connection: Connection) -> tuple[WaitingWebhook, ...]:
    found = [
        WaitingWebhook(one.id, one.failed, one.waiting_since, one.error)
        for one in failing_endpoints(connection)
    ]
    if since := not_spread_since(connection):
        found.append(WaitingWebhook(None, 0, since, None))
    return tuple(found)


def _waiting_notices(connection: Connection) -> WaitingNotices | None:
    since = waiting_since(connection)
    if since is None:
        return None
    sender = notification_sender.c
    query = select(sender.last_success_at, sender.failures, sender.last_error)
    sent_at, failures, error = connection.execute(query).one_or_none() or (None, 0, None)
    return WaitingNotices(max(since, sent_at or 0), error if failures else None)


def _open_imports(connection: Connection) -> list[OpenImport]:
    moved_at = func.max(func.coalesce(batches.c.progress_at, 0))
    query = (
        select(imports.c.partition_key, imports.c.started_at, imports.c.refused_because, moved_at)
        .outerjoin(batches, batches.c.import_id == imports.c.id)
        .where(imports.c.status.in_((ImportStatus.RUNNING, ImportStatus.STALLED)))
        .group_by(imports.c.id)
        .order_by(imports.c.id)
    )
    return [
        OpenImport(key, max(started_at or 0, moved or 0), given_up_because)
        for key, started_at, given_up_because, moved in connection.execute(query)
    ]
