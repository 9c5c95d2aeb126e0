"""Metrics of queues and workers, and the counts of workers: steps and charges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.utils import floatToGoString

from orders_pipeline.monitoring.metrics.tallies import MEASURES, STEP_SECONDS, SUM, Measure, Series
from orders_pipeline.monitoring.queues import Queue
from orders_pipeline.monitoring.workers import Worker

SECOND_US = 1_000_000


def of_queues(queues: Mapping[str, Queue], now: int) -> list[Metric]:
    """Backlog of the queues and its age, at a time in microseconds since 1970."""
    tasks = GaugeMetricFamily("orders_queue_tasks", "Waiting tasks by queue.", labels=["queue"])
    oldest = GaugeMetricFamily(
        "orders_queue_oldest_seconds",
        "Seconds that the oldest task of a queue has waited; 0 if no task waits.",
        labels=["queue"],
    )
    for name, queue in queues.items():
        tasks.add_metric([name], queue.waiting)
        since = now if queue.oldest_since is None else queue.oldest_since
        oldest.add_metric([name], max(0.0, (now - since) / SECOND_US))
    return [tasks, oldest]


def time_to_clear(queues: Mapping[str, Queue], workers: Sequence[Worker], series: Sequence[Series]) -> Metric:
    """Time to clear the backlog: number of tasks, times the mean duration of a step, divided by processes."""
    family = GaugeMetricFamily(
        "orders_queue_clear_seconds",
        "Estimated seconds until the backlog of a queue is cleared; absent without workers.",
        labels=["queue"],
    )
    for name, queue in queues.items():
        processes = sum(worker.processes for worker in workers if name in worker.queues)
        if processes:
            family.add_metric([name], queue.waiting * _mean_seconds(series, name) / processes)
    return family


def of_workers(workers: Sequence[Worker]) -> Iterator[Metric]:
    """Workers by queue. A worker that serves two queues counts in both."""
    number = GaugeMetricFamily("orders_workers", "Celery workers with a recent heartbeat.", labels=["queue"])
    processes = GaugeMetricFamily(
        "orders_worker_processes", "Processes of the workers that serve a queue.", labels=["queue"]
    )
    busy = GaugeMetricFamily(
        "orders_worker_tasks", "Tasks that the workers of a queue are running.", labels=["queue"]
    )
    for queue in sorted({queue for worker in workers for queue in worker.queues}):
        serving = [worker for worker in workers if queue in worker.queues]
        number.add_metric([queue], len(serving))
        processes.add_metric([queue], sum(worker.processes for worker in serving))
        busy.add_metric([queue], sum(worker.busy for worker in serving))
    yield from (number, processes, busy)


def of_series(series: Sequence[Series]) -> Iterator[Metric]:
    """Metrics that the workers counted."""
    for measure in MEASURES.values():
        yield _family(measure, [one for one in series if one.measure is measure])


def _family(measure: Measure, series: Sequence[Series]) -> Metric:
    if not measure.bounds:
        counter = CounterMetricFamily(measure.name, measure.meaning, labels=measure.labels)
        for one in series:
            counter.add_metric(one.labels, one.number)
        return counter
    histogram = HistogramMetricFamily(measure.name, measure.meaning, labels=measure.labels)
    bounds = [*map(floatToGoString, measure.bounds), "+Inf"]
    for one in series:
        sums = list(zip(bounds, accumulate(one.buckets), strict=True))
        histogram.add_metric(one.labels, sums, one.parts.get(SUM, 0.0))
    return histogram


def _mean_seconds(series: Sequence[Series], queue: str) -> float:
    of_queue = [one for one in series if one.measure is STEP_SECONDS and one.labels[1] == queue]
    number = sum(one.number for one in of_queue)
    return sum(one.parts.get(SUM, 0.0) for one in of_queue) / number if number else 0.0
