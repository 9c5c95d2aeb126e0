"""Health of the services, waiting tasks by queue, and snapshots of the last hours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import select
from starlette.responses import JSONResponse, Response

from orders_pipeline.api.context import ApiContext, Context
from orders_pipeline.api.models.responses import Answer, Health, Snapshot
from orders_pipeline.api.protocol.answers import answer
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.monitoring.snapshots import KEPT, rates_between, snapshots_of_last
from orders_pipeline.monitoring.snapshots import Snapshot as StoredSnapshot
from orders_pipeline.services.outage import Outage
from orders_pipeline.services.redis_clients import try_writing
from orders_pipeline.store.engine import STORE_FAILED, reading
from orders_pipeline.store.known_store import require_known_store
from orders_pipeline.store.revisions import StoreRefused, current_revision, require_current
from orders_pipeline.store.schema import home

router = APIRouter(tags=["health"])
HOURS_KEPT = KEPT // timedelta(hours=1)
AWAY = "does not answer"
log = logging.getLogger(__name__)


@router.get(
    "/health",
    response_model=Health,
    responses={503: {"model": Health, "description": "A service is down."}},
)
async def health(context: Context) -> Response:
    """Health of each service."""
    return await run_sync(_health, context, limiter=context.watchers)


def _health(context: ApiContext) -> Response:
    services = services_of(context)
    healthy = not any(map(is_down, services.values()))
    body = {
        "status": "healthy" if healthy else "unhealthy",
        "timestamp": to_datetime(now_us()).isoformat(),
        "services": services,
    }
    return JSONResponse(body, 200 if healthy else 503, {"Cache-Control": "no-store"})


def services_of(context: ApiContext) -> dict[str, dict[str, Any]]:
    """The state of each service, and a message."""
    sizes: list[int] = []
    broker = _service(
        "The broker",
        lambda: sizes.append(sum(context.queue_sizes().values())),
        partial(_away, context, context.broker_outage),
    )
    return {
        "database": _service("The order store", lambda: _ask_store(context)),
        "redis": _service(
            "Redis", partial(try_writing, context.redis), partial(_away, context, context.redis_outage)
        ),
        "queue": {**broker, "queue_size": sizes[0] if sizes else 0},
    }


def is_down(service: dict[str, Any]) -> bool:
    """Whether a service does not answer, by its state."""
    return bool(service["status"] != "healthy")


@router.get("/queue", response_model=Answer[dict[str, int]])
def queue(request: Request, context: Context) -> Response:
    """Waiting tasks by queue."""
    try:
        return answer(request, context.queue_sizes())
    except ConnectionError as error:
        log.warning("The broker is down: %s", error)
        raise Refused(503, "The broker does not answer.") from None


@router.get("/snapshots", response_model=Answer[list[Snapshot]])
def snapshots(
    request: Request,
    context: Context,
    hours: Annotated[int, Query(ge=1, le=HOURS_KEPT, description="Period, in hours, that ends now.")] = 24,
) -> Response:
    """Snapshots of queues and throughput in the last hours, one every 5 minutes, the oldest first."""
    with reading(context.engine) as connection:
        taken = snapshots_of_last(connection, timedelta(hours=hours))
    pairs = zip(taken, rates_between(taken), strict=True)
    return answer(request, [_snapshot_document(snapshot, rate) for snapshot, rate in pairs])


def _snapshot_document(snapshot: StoredSnapshot, rate: float | None) -> dict[str, Any]:
    return {
        "taken_at": to_datetime(snapshot.taken_at).isoformat(timespec="seconds"),
        "waiting_tasks": snapshot.waiting,
        "pending_orders": snapshot.pending,
        "processing_orders": snapshot.processing,
        "settled_per_second": rate,
    }


def _away(context: ApiContext, outage: Outage) -> str:
    """Returns the message about a service that does not answer."""
    if outage.since is None:
        return AWAY
    since = to_datetime(outage.since).astimezone(context.settings.zone)
    form = "%H:%M" if since.date() == context.today() else "%Y-%m-%d %H:%M"
    return f"has not answered since {since:{form}}"


def _service(name: str, ask: Callable[[], Any], away: Callable[[], str] = lambda: AWAY) -> dict[str, Any]:
    try:
        ask()
    except ResponseError as error:
        log.warning("%s rejects writes: %s", name, error)
        return {"status": "unhealthy", "message": f"{name} rejects writes."}
    except StoreRefused as refused:
        log.warning("%s", refused)
        return {"status": "unhealthy", "message": str(refused)}
    except (*STORE_FAILED, RedisError, ConnectionError, TimeoutError) as error:
        log.warning("%s is down: %s", name, error)
        return {"status": "unhealthy", "message": f"{name} {away()}."}
    return {"status": "healthy", "message": f"{name} answers."}


def _ask_store(context: ApiContext) -> None:
    require_known_store(context.watched_store, context.settings.home)
    with reading(context.watched_store) as connection:
        require_current(current_revision(connection))
        connection.execute(select(home.c.id)).one()
