"""Endpoints for supervisors, load balancers and Prometheus, without rate limit or envelope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from prometheus_client.exposition import choose_encoder
from redis.exceptions import RedisError
from starlette.responses import JSONResponse, Response

from orders_pipeline.api.context import ApiContext, Context
from orders_pipeline.api.models.responses import Live, Ready
from orders_pipeline.monitoring.metrics.metrics import PipelineMetrics, metrics_registry
from orders_pipeline.monitoring.workers import queues_served, workers_there
from orders_pipeline.services.redis_clients import try_writing
from orders_pipeline.store.engine import STORE_FAILED
from orders_pipeline.store.revisions import OURS, revision_of

router = APIRouter(tags=["health"])
metrics_router = APIRouter()
NEVER_STORED = {"Cache-Control": "no-store"}


@router.get("/live", response_model=Live)
async def live() -> Response:
    """Whether this process answers. It checks no other service. Restart the process if there is no answer."""
    return JSONResponse({"status": "live"}, headers=NEVER_STORED)


@router.get(
    "/ready",
    response_model=Ready,
    responses={503: {"model": Ready, "description": "A service or worker that orders need is missing."}},
)
async def ready(context: Context) -> Response:
    """Whether orders can be processed. Checks the store's tables, Redis, broker and a worker per queue."""
    return await run_sync(_ready, context, limiter=context.watchers)


@metrics_router.get("/metrics", include_in_schema=False)
async def metrics(request: Request, context: Context) -> Response:
    """All metrics, in the format that the scraper requests."""
    return await run_sync(_metrics, request, context, limiter=context.watchers)


def _ready(context: ApiContext) -> Response:
    checks = {
        "store": _holds(lambda: _is_migrated(context)),
        "redis": _holds(lambda: try_writing(context.redis)),
        "broker": _holds(lambda: bool(context.queue_sizes())),
        "workers": _holds(lambda: _are_queues_served(context)),
    }
    ready = all(checks.values())
    body = {"status": "ready" if ready else "not ready", "checks": checks}
    return JSONResponse(body, 200 if ready else 503, NEVER_STORED)


def _metrics(request: Request, context: ApiContext) -> Response:
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    collector = PipelineMetrics(
        context.figures,
        context.watched_store,
        context.redis,
        context.ask_queues,
        context.settings.home,
    )
    return Response(encode(metrics_registry(collector)), headers=NEVER_STORED, media_type=content_type)


def _holds(ask: Callable[[], Any]) -> bool:
    try:
        return bool(ask())
    except (*STORE_FAILED, RedisError, ConnectionError):
        return False


def _is_migrated(context: ApiContext) -> bool:
    return revision_of(context.watched_store) == OURS.head


def _are_queues_served(context: ApiContext) -> bool:
    served = queues_served(workers_there(context.redis))
    return set(context.queue_sizes()) <= served
