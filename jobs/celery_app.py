"""The Celery app of the workers."""

from __future__ import annotations

import gc
from contextlib import suppress
from functools import partial

from celery import Celery
from celery.signals import setup_logging, worker_init, worker_process_shutdown

from jobs.dagster_seams.celery_steps import take_steps
from jobs.dagster_seams.repository import load_definitions
from jobs.workers.celery_settings import step_app
from jobs.workers.step_log import StepLog
from jobs.workers.worker_signs import worker_signs
from orders_pipeline.base.collecting import uncollected
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.base.telemetry.logs import configure_logs
from orders_pipeline.base.telemetry.tracing import start_tracing, stop_tracing
from orders_pipeline.services.redis_server import redis_url
from orders_pipeline.store.engine import STORE_FAILED, open_engine
from orders_pipeline.store.revisions import StoreRefused, require_current, revision_of

PING, DEFINITIONS = "orders.ping", "definitions"


def build_app(settings: Settings) -> Celery:
    """Returns the app of a worker, which accepts steps and pings, and sends heartbeats."""
    app = step_app(settings)
    take_steps(app, DEFINITIONS)
    app.task(_pong, name=PING)
    app.steps["consumer"].add(worker_signs(redis_url(settings)))
    # Celery leaves logging to a receiver of this signal.
    start_tracing(settings.traces_url)
    worker_process_shutdown.connect(lambda **_: stop_tracing(), weak=False)
    setup_logging.connect(lambda **_: configure_logs(settings), weak=False)
    StepLog().connect()
    worker_init.connect(partial(_refuse_other_store, settings.store_url), weak=False)
    worker_init.connect(_load_definitions, weak=False)
    return app


def _pong() -> str:
    return "pong"


def _refuse_other_store(url: str, **_: object) -> None:
    """Ends a worker that starts on an order store of another version.

    Waits for a store that does not answer.
    """
    engine = open_engine(url)
    try:
        with suppress(*STORE_FAILED):
            require_current(revision_of(engine))
    except StoreRefused as refused:
        # Any other exception of a signal's receiver is only logged by Celery.
        raise SystemExit(str(refused)) from None
    finally:
        engine.dispose()


def _load_definitions(**_: object) -> None:
    # Loaded before the worker forks, so that its processes share the memory and the three seconds of loading.
    # Frozen objects stay shared, because garbage collection does not touch them.
    with uncollected():
        load_definitions()
        gc.freeze()


def __getattr__(name: str) -> Celery:
    # `celery -A jobs.celery_app` reads the attribute `app`. It is built only then, so importing has no side
    # effect.
    if name == "app":
        settings = load_settings()
        configure_logs(settings)
        app = build_app(settings)
        globals()["app"] = app
        return app
    raise AttributeError(name)
