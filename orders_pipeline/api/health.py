"""Whether the services answer, and what waits in the queues."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from starlette.responses import JSONResponse, Response

from orders_pipeline.api.answers import answer
from orders_pipeline.api.context import ApiContext, Context
from orders_pipeline.api.errors import Refused
from orders_pipeline.api.models import Answer, Health
from orders_pipeline.clock import now_us, to_datetime
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import home

router = APIRouter(tags=["health"])
log = logging.getLogger(__name__)


@router.get(
    "/health",
    response_model=Health,
    responses={503: {"model": Health, "description": "A service is down."}},
)
def health(context: Context) -> Response:
    """Health of each service."""
    database = _service("The order store", lambda: _ask_store(context))
    redis = _service("Redis", context.reporting.cache.client.ping)
    sizes: list[int] = []
    queue = _service("The broker", lambda: sizes.append(sum(context.queue_sizes().values())))
    services = {
        "database": database,
        "redis": redis,
        "queue": {**queue, "queue_size": sizes[0] if sizes else 0},
    }
    healthy = all(service["status"] == "healthy" for service in services.values())
    body = {
        "status": "healthy" if healthy else "unhealthy",
        "timestamp": to_datetime(now_us()).isoformat(),
        "services": services,
    }
    return JSONResponse(body, 200 if healthy else 503, {"Cache-Control": "no-store"})


@router.get("/queue", response_model=Answer[dict[str, int]])
def queue(request: Request, context: Context) -> Response:
    """Waiting tasks by queue."""
    try:
        return answer(request, context.queue_sizes())
    except ConnectionError as error:
        log.warning("The broker is down: %s", error)
        raise Refused(503, "The broker does not answer.") from None


def _service(name: str, ask: Callable[[], Any]) -> dict[str, Any]:
    try:
        ask()
    except (DBAPIError, RedisError, ConnectionError, TimeoutError) as error:
        log.warning("%s is down: %s", name, error)
        return {"status": "unhealthy", "message": f"{name} does not answer."}
    return {"status": "healthy", "message": f"{name} answers."}


def _ask_store(context: ApiContext) -> None:
    with reading(context.engine) as connection:
        connection.execute(select(home.c.id)).one()
