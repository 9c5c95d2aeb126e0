"""The Celery settings that the executor, the workers and their monitoring must share."""

from __future__ import annotations

from typing import Any

from celery import Celery

from jobs.dagster_seams.celery_steps import make_step_app
from jobs.workers.queues import DEFAULT_QUEUE, transport_options
from orders_pipeline.base.settings import Settings
from orders_pipeline.services.broker_tls import amqps_options, plain_amqps
from orders_pipeline.services.redis_server import broker_url, redis_url

# RabbitMQ redelivers the tasks of a host that has gone after two missed heartbeats.
BROKER_HEARTBEAT_SECONDS = 20
RESULTS_LIVE_SECONDS = 6 * 3600


def celery_settings(settings: Settings) -> dict[str, Any]:
    """Returns Celery settings with which a killed worker's task is executed again on another worker."""
    return {
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        # A new process that takes longer to answer is killed; the default of 4 s is too short on a busy
        # machine.
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
    """Returns an app with this project's settings that sends steps and inspects workers and queues."""
    return make_step_app(plain_amqps(broker_url(settings)), redis_url(settings), celery_settings(settings))
