"""The site: the HTTP API together with the console's pages."""

from __future__ import annotations

from fastapi import Depends, FastAPI

from orders_pipeline.api.app import POOL_SECONDS, create_app
from orders_pipeline.api.callers.access import count_request, require_to_read
from orders_pipeline.api.context import QueueSizes
from orders_pipeline.base.settings import Settings
from orders_pipeline.console.now import live
from orders_pipeline.console.now.shared import SharedState
from orders_pipeline.console.pages import (
    account,
    actions,
    bulk_actions,
    cohorts,
    customers,
    design,
    failed,
    files,
    mapping,
    new_file,
    operations,
    orders,
    overview,
    payout_file,
    price_list,
    products,
    reconciliation,
    refunds,
    rejects,
    reports,
    search,
    sign_in,
    simple_actions,
    uploads,
)
from orders_pipeline.console.pages.settings import (
    audit,
    configuration,
    frame,
    keys,
    payments,
    profiles,
    users,
    webhooks,
)
from orders_pipeline.console.rendering.empty_parameters import EmptyParameters
from orders_pipeline.console.rendering.error_pages import show_errors_as_pages
from orders_pipeline.console.rendering.rendering import environment_of
from orders_pipeline.console.rendering.static_files import STATIC, STATIC_URL, ForeverStatic
from orders_pipeline.monitoring.queues import AskQueues

PAGES = (
    *(
        live,
        overview,
        search,
        files,
        rejects,
        uploads,
        new_file,
        mapping,
        orders,
        refunds,
        reconciliation,
        failed,
        customers,
        products,
        reports,
        cohorts,
        operations,
    ),
    *(actions, bulk_actions, price_list, payout_file, simple_actions, design, account),
    *(frame, users, keys, webhooks, profiles, payments, audit, configuration),
)


def create_site(
    settings: Settings,
    queue_sizes: QueueSizes,
    ask_queues: AskQueues | None = None,
    pool_seconds: float = POOL_SECONDS,
) -> FastAPI:
    """Returns the app with the API and the console. The arguments are those of `create_app`."""
    app = create_app(settings, queue_sizes, ask_queues, pool_seconds)
    app.state.environment = environment_of(settings.zone)
    app.state.shared = SharedState()
    rules = [Depends(count_request), Depends(require_to_read)]
    for part in PAGES:
        app.include_router(part.router, dependencies=rules, include_in_schema=False)
    app.include_router(sign_in.router, dependencies=rules[:1], include_in_schema=False)
    app.mount(STATIC_URL, ForeverStatic(directory=STATIC))
    show_errors_as_pages(app)
    app.add_middleware(EmptyParameters)
    return app
