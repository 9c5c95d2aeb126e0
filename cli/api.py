"""The HTTP API for a server: `uvicorn --factory cli.api:app`."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI

from jobs.workers.queue_heads import queues
from jobs.workers.queues import queue_sizes
from orders_pipeline.api.protocol.request_log import log_requests
from orders_pipeline.base.settings import load_settings
from orders_pipeline.base.telemetry.logs import configure_logs
from orders_pipeline.console.site import create_site


def app() -> FastAPI:
    """Returns the API with the settings of this process."""
    settings = load_settings()
    configure_logs(settings)
    log_requests()
    return create_site(settings, partial(queue_sizes, settings), partial(queues, settings))
