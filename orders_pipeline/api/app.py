"""The HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from anyio import CapacityLimiter
from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from redis import Redis
from sqlalchemy import Engine
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from orders_pipeline.api.bodies import BodyLimit
from orders_pipeline.api.callers.access import api_key, count_request, require_to_read
from orders_pipeline.api.callers.proxies import TrustedProxies
from orders_pipeline.api.callers.rate_limit import RateLimit
from orders_pipeline.api.callers.sign_in_limits import SignInLimits
from orders_pipeline.api.context import ApiContext, QueueSizes
from orders_pipeline.api.endpoints import (
    alerts,
    audit,
    boards,
    captures,
    failed,
    figures,
    files,
    gateway_events,
    health,
    intake,
    notifications,
    orders,
    payouts,
    probes,
    quarantine,
    reconciliation,
    refunds,
    uploads,
    webhooks,
)
from orders_pipeline.api.grouped_events import GroupedEvents
from orders_pipeline.api.models.responses import Failure, Responses
from orders_pipeline.api.protocol.errors import add_error_handlers
from orders_pipeline.api.protocol.headers import HeadAsGet, SecurityHeaders
from orders_pipeline.api.protocol.hosts import KnownHosts
from orders_pipeline.api.protocol.texts import NoNul
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.published_figures import open_figures
from orders_pipeline.monitoring.queues import AskQueues, Queue
from orders_pipeline.refunds.gateway_events.event_effects import Verdict
from orders_pipeline.refunds.gateway_events.gateway_events import SentEvent, carry_out_events, store_events
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.services.outage import Outage
from orders_pipeline.services.redis_clients import open_guarded_redis, redis_outage
from orders_pipeline.services.redis_server import redis_url
from orders_pipeline.store.engine import open_engine, open_watching_engine
from orders_pipeline.store.known_store import require_known_store
from orders_pipeline.store.migrate import ensure_current
from orders_pipeline.store.revisions import require_current, revision_of

if TYPE_CHECKING:
    from orders_pipeline.api.callers.single_sign_on import Provider

POOL_SECONDS = 5.0
# The paths to which order files, reports and statements are sent.
LARGE_BODIES = ("/api/files", "/api/payouts/files", "/uploads/", "/actions/payout-file")
# Threads for health requests only, because a store that hangs may block all other threads.
WATCHERS = 8
ERRORS: Responses = {
    401: {"model": Failure, "description": "Reading requires a key or a sign-in (`ORDERS_API_READS`)."},
    421: {"model": Failure, "description": "The server is not known by the `Host` of the request."},
    422: {"model": Failure, "description": "A parameter has an invalid value."},
    429: {"model": Failure, "description": "Too many requests. `Retry-After` gives the seconds to wait."},
    503: {"model": Failure, "description": "A service needed for the response is down."},
}

# In the order of the API's pages.
PARTS = (
    health,
    alerts,
    figures,
    boards,
    orders,
    files,
    uploads,
    audit,
    failed,
    quarantine,
    intake,
    captures,
    refunds,
    reconciliation,
    payouts,
    gateway_events,
    webhooks,
    notifications,
)


def create_app(
    settings: Settings,
    queue_sizes: QueueSizes,
    ask_queues: AskQueues | None = None,
    pool_seconds: float = POOL_SECONDS,
) -> FastAPI:
    """The API with these settings.

    Args:
        queue_sizes: waiting tasks by queue. Raises ConnectionError while the broker is down.
        ask_queues: queues with the age of their oldest task. Without it, ages are not reported.
        pool_seconds: how long a request waits for a connection to the order store.
    """
    url = redis_url(settings)
    redis_away = redis_outage(url)
    redis = open_guarded_redis(url, redis_away)
    ask = ask_queues or (lambda: {name: Queue(size, None) for name, size in queue_sizes().items()})
    services = _Services(redis, redis_away, Outage(queue_sizes, ConnectionError), queue_sizes, ask)
    app = FastAPI(
        title="orders-pipeline",
        description="KPIs, leaderboards, orders and imports. Every figure is in one currency.",
        version="1",
        lifespan=partial(_lifespan, settings, services, pool_seconds),
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        generate_unique_id_function=_operation_id,
    )
    app.state.rate_limit = RateLimit(settings.rate_limit, redis, url)
    app.state.sign_in_limits = SignInLimits(app.state.rate_limit)
    _add_endpoints(app)
    add_error_handlers(app)
    _add_middleware(app, settings)
    return app


class _Services(NamedTuple):
    """Redis and the broker, and what is known of their outages."""

    redis: Redis
    redis_away: Outage
    broker_away: Outage
    queue_sizes: QueueSizes
    ask_queues: AskQueues


@asynccontextmanager
async def _lifespan(
    settings: Settings, services: _Services, pool_seconds: float, app: FastAPI
) -> AsyncIterator[None]:
    """Opens the stores for as long as the app runs."""
    redis, redis_away, broker_away, queue_sizes, ask_queues = services
    with ExitStack() as opened:
        engine = open_engine(settings.store_url, pool_seconds)
        watched = open_watching_engine(settings.store_url)
        for end in (engine.dispose, watched.dispose, redis.close, redis_away.close, broker_away.close):
            opened.callback(end)
        require_known_store(engine, settings.home)
        ensure_current(engine)
        published = opened.enter_context(
            open_figures(engine, settings.warehouse, redis, settings.currency, settings.zone)
        )
        app.state.context = ApiContext(
            settings=settings,
            engine=engine,
            figures=published,
            queue_sizes=partial(broker_away.guard, queue_sizes),
            ask_queues=partial(broker_away.guard, ask_queues),
            redis_outage=redis_away,
            broker_outage=broker_away,
            watched_store=watched,
            watchers=CapacityLimiter(WATCHERS),
            redis=redis,
            key=api_key(settings.api_key, settings.home),
            gateway_events=GroupedEvents(
                partial(_store, engine), partial(carry_out_events, engine, RefundTerms.of(settings))
            ),
        )
        app.state.provider = _provider(settings, app.state.context.key)
        yield
        await app.state.context.gateway_events.close()


def _add_endpoints(app: FastAPI) -> None:
    readers = [Depends(require_to_read)]
    for part in PARTS:
        limited = [Depends(count_request), *readers]
        app.include_router(part.router, prefix="/api", dependencies=limited, responses=dict(ERRORS))
        if part is health:
            # First, because routes are tried in order, and a thousand events may arrive per second.
            app.include_router(gateway_events.signed_router, prefix="/api", responses=dict(ERRORS))
    app.include_router(audit.key_router, prefix="/api", responses=dict(ERRORS))
    app.include_router(probes.router, prefix="/api")
    app.include_router(probes.metrics_router, dependencies=readers)


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """Adds the middleware. The one that is added last gets each request first."""
    app.add_middleware(BodyLimit, larger=dict.fromkeys(LARGE_BODIES, settings.upload_limit_mb))
    app.add_middleware(NoNul)
    app.add_middleware(KnownHosts, names=settings.host_names)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(HeadAsGet)
    if proxies := settings.proxy_addresses:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(proxies))
        app.add_middleware(TrustedProxies, networks=proxies, user_header=settings.proxy_user_header)


def _store(engine: Engine, events: Sequence[SentEvent]) -> Mapping[str, Verdict]:
    require_current(revision_of(engine))
    return store_events(engine, events)


def _provider(settings: Settings, secret: str) -> Provider | None:
    if not settings.oidc_issuer:
        return None
    # Authlib takes a while to load, and few need it.
    from orders_pipeline.api.callers.single_sign_on import Provider  # noqa: PLC0415

    return Provider(settings, secret)


def _operation_id(route: APIRoute) -> str:
    return f"{route.name}_{'_'.join(sorted(route.methods or ())).lower()}"
