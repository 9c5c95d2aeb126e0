"""Counts the steps of a run for the metrics, from the events that its workers send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from dagster import DagsterEvent, DagsterEventType

from jobs.dagster_seams.steps import Plan, step_of, step_seconds
from jobs.workers.queues import DEFAULT_QUEUE, QUEUE_TAG
from orders_pipeline.base.settings import Settings
from orders_pipeline.monitoring.metrics.tallies import STEP_SECONDS, STEPS, Tallies
from orders_pipeline.services.redis_clients import open_redis
from orders_pipeline.services.redis_server import redis_url
from orders_pipeline.store.identity import store_id
from resources.order_store import OrderStore

OUTCOMES = {
    DagsterEventType.STEP_SUCCESS: "success",
    DagsterEventType.STEP_FAILURE: "failure",
    DagsterEventType.STEP_UP_FOR_RETRY: "retry",
}


def counted(settings: Settings, events: Iterator[DagsterEvent], plan: Plan) -> Iterator[DagsterEvent]:
    """Yields the events of a run unchanged, and counts each step that ends."""
    with (
        OrderStore(settings.store_url, home=settings.home).open() as engine,
        closing(open_redis(redis_url(settings))) as client,
    ):
        tallies = Tallies(client, store_id(engine))
        for event in events:
            if event.event_type in OUTCOMES:
                _count(tallies, event, plan)
            yield event


def _count(tallies: Tallies, event: DagsterEvent, plan: Plan) -> None:
    name, tags = step_of(plan, event)
    tallies.count(STEPS, (name, OUTCOMES[event.event_type]))
    if event.event_type is DagsterEventType.STEP_SUCCESS:
        queue = tags.get(QUEUE_TAG, DEFAULT_QUEUE)
        tallies.observe(STEP_SECONDS, (name, queue), step_seconds(event))
    tallies.write()
