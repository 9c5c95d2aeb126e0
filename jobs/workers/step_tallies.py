"""Counts the steps of a run for the metrics, by the events that its workers send back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from dagster import DagsterEvent, DagsterEventType
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster_celery.tags import DAGSTER_CELERY_QUEUE_TAG

from orders_pipeline.base.settings import Settings
from orders_pipeline.monitoring.tallies import STEP_SECONDS, STEPS, Tallies
from orders_pipeline.services.redis_clients import open_redis, store_id
from orders_pipeline.services.redis_server import redis_url
from resources.order_store import OrderStore

OUTCOMES = {
    DagsterEventType.STEP_SUCCESS: "success",
    DagsterEventType.STEP_FAILURE: "failure",
    DagsterEventType.STEP_UP_FOR_RETRY: "retry",
}


def counted(settings: Settings, events: Iterator[Any], plan: ExecutionPlan) -> Iterator[Any]:
    """The events of a run; each step that ends is counted."""
    with OrderStore(settings.store_url).open() as engine, closing(open_redis(redis_url(settings))) as client:
        tallies = Tallies(client, store_id(engine))
        for event in events:
            if event.event_type in OUTCOMES:
                _count(tallies, event, plan)
            yield event


def _count(tallies: Tallies, event: DagsterEvent, plan: ExecutionPlan) -> None:
    step = plan.get_step_by_key(str(event.step_key))
    name = step.node_handle.name
    tallies.count(STEPS, (name, OUTCOMES[event.event_type]))
    if event.event_type is DagsterEventType.STEP_SUCCESS:
        seconds = event.step_success_data.duration_ms / 1000
        queue = (step.tags or {}).get(DAGSTER_CELERY_QUEUE_TAG, "dagster")
        tallies.observe(STEP_SECONDS, (name, queue), seconds)
    tallies.write()
