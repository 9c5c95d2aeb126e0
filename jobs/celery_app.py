"""The Celery app of the workers, and the settings that executor and workers must share."""

from __future__ import annotations

import gc
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_init

from jobs.dagster_seams.celery_steps import make_step_app, take_steps
from jobs.dagster_seams.repository import load_definitions
from jobs.workers.queues import DEFAULT_QUEUE, transport_options
from jobs.workers.step_log import StepLog
from jobs.workers.worker_signs import worker_signs
from orders_pipeline.base.logs import configure_logs
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.services.broker_tls import amqps_options, plain_amqps
from orders_pipeline.services.redis_server import broker_url, redis_url

# RabbitMQ hands the tasks of a host that vanished to another one when it has missed two of them.
BROKER_HEARTBEAT_SECONDS = 20
RESULTS_LIVE_SECONDS = 6 * 3600

PING = "orders.ping"


def celery_settings(settings: Settings) -> dict[str, Any]:
    """Celery settings under which a killed worker's task runs again, on another worker."""
    return {
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        # A new process that takes longer to answer is killed; the default of 4 s is short for a busy machine.
        "worker_proc_alive_timeout": 60,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "result_expires": RESULTS_LIVE_SECONDS,
        "task_default_queue": DEFAULT_QUEUE,
        "task_default_priority": 5,
        "broker_connection_retry_on_startup": True,
        "broker_heartbeat": BROKER_HEARTBEAT_SECONDS,
        "worker_hijack_root_logger": False,
        "broker_transport_options": transport_options(settings),
        "broker_use_ssl": amqps_options(broker_url(settings)),
        "result_backend_transport_options": {"visibility_timeout": settings.visibility_timeout},
    }


def step_app(settings: Settings) -> Celery:
    """An app that sends steps, and asks after workers and queues, on our broker and settings."""
    return make_step_app(plain_amqps(broker_url(settings)), redis_url(settings), celery_settings(settings))


def build_app(settings: Settings) -> Celery:
    """The app that a worker serves: it takes steps and pings, and notes its signs of life."""
    app = step_app(settings)
    take_steps(app)
    app.task(_pong, name=PING)
    app.steps["consumer"].add(worker_signs(redis_url(settings)))
    # With a receiver, Celery leaves logging to it.
    setup_logging.connect(lambda **_: configure_logs(settings), weak=False)
    StepLog().connect()
    worker_init.connect(_load_definitions, weak=False)
    return app


def _pong() -> str:
    return "pong"


def _load_definitions(**_: object) -> None:
    # Before the worker forks: its processes then share three seconds of loading and the memory, of which
    # what is frozen stays shared, as no collection touches it.
    gc.disable()
    load_definitions()
    gc.freeze()
    gc.enable()


def __getattr__(name: str) -> Celery:
    # `celery -A jobs.celery_app` asks the module for `app`; nothing is built for those who import the rest.
    if name == "app":
        settings = load_settings()
        configure_logs(settings)
        app = build_app(settings)
        globals()["app"] = app
        return app
    raise AttributeError(name)
