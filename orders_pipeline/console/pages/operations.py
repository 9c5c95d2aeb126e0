"""The page Operations: services, alerts with runbooks, the intake, queues, workers, webhooks and backups."""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import datetime, timedelta
from statistics import fmean
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from redis.exceptions import RedisError
from starlette.responses import Response

from orders_pipeline.api.context import ApiContext
from orders_pipeline.api.endpoints.health import is_down, services_of
from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.base.version import VERSION
from orders_pipeline.console.page_data.charts import Chart
from orders_pipeline.console.page_data.runbooks import runbook
from orders_pipeline.console.rendering.rendering import Shown
from orders_pipeline.events.endpoints import endpoint_document, list_endpoints
from orders_pipeline.events.failed import failing_endpoints
from orders_pipeline.imports.arrival.intake import current_pause, pause_document
from orders_pipeline.monitoring.alerts.alert_rows import alert_document, alerts_since, title
from orders_pipeline.monitoring.snapshots import Snapshot, rates_between, snapshots_of_last
from orders_pipeline.monitoring.workers import Worker, workers_there
from orders_pipeline.store.backup_rows import failed_backup, last_good_backup
from orders_pipeline.store.engine import reading
from orders_pipeline.store.revisions import revision_of

router = APIRouter()
log = logging.getLogger(__name__)
DAY_US = 86_400_000_000
HOUR = "hour"


@router.get("/operations")
def operations(view: Shown, hours: Annotated[int, Query(ge=1, le=168)] = 24) -> Response:
    """Shows the state of the services that process orders."""
    context, now = view.context, now_us()
    with reading(context.engine) as connection:
        alerts = [
            {**alert_document(alert), "title": title(alert.name), "runbook": runbook(alert.name)}
            for alert in reversed(alerts_since(connection, now - DAY_US))
        ]
        intake = pause_document(current_pause(connection))
        failing = {one.id: one for one in failing_endpoints(connection)}
        webhooks = [
            {**endpoint_document(one), "failing": failing.get(one.id)} for one in list_endpoints(connection)
        ]
        backup = {"last": last_good_backup(connection), "failed": failed_backup(connection, now)}
        taken = snapshots_of_last(connection, timedelta(hours=hours))
    return view.page(
        "operations.html",
        "operations",
        services={name: {**one, "down": is_down(one)} for name, one in services_of(context).items()},
        alerts=alerts,
        intake=intake,
        queues=_queues(context),
        workers=_workers(context),
        charts=_charts(taken, context.settings.zone),
        hours=hours,
        webhooks=webhooks,
        backup=backup,
        versions={"program": VERSION, "store": revision_of(context.engine)},
    )


def _queues(context: ApiContext) -> dict[str, Any] | None:
    """Returns the queues of the broker; None while it does not answer."""
    try:
        return dict(context.ask_queues())
    except ConnectionError as error:
        log.warning("The broker is down: %s", error)
        return None


def _workers(context: ApiContext) -> list[Worker] | None:
    try:
        return workers_there(context.redis)
    except RedisError as error:
        log.warning("Redis is down: %s", error)
        return None


def _charts(taken: list[Snapshot], zone: ZoneInfo) -> list[Chart]:
    """Returns charts of orders settled per second and of waiting tasks, by hour."""
    rates: dict[datetime, list[float]] = defaultdict(list)
    waiting: dict[datetime, list[int]] = defaultdict(list)
    for snapshot, rate in zip(taken, rates_between(taken), strict=True):
        hour = to_datetime(snapshot.taken_at).astimezone(zone).replace(minute=0, second=0, microsecond=0)
        rates[hour].append(rate or 0.0)
        waiting[hour].append(sum(snapshot.waiting.values()))
    hours = sorted(waiting)
    labelled = [{"first": f"{hour:%Y-%m-%dT%H}", "label": f"{hour.day} {hour:%b, %H}:00"} for hour in hours]
    settled = [
        {**at, "settled": round(fmean(rates[hour]), 2)} for at, hour in zip(labelled, hours, strict=True)
    ]
    most = [{**at, "waiting": max(waiting[hour])} for at, hour in zip(labelled, hours, strict=True)]
    return [
        Chart("settled", settled, ("settled",), HOUR, "", None),
        Chart("waiting", most, ("waiting",), HOUR, "", None),
    ]
