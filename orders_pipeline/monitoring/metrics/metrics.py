"""The Prometheus metrics. Each scrape reads the stores and reports those that do not answer."""

from __future__ import annotations

import logging
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import redis
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.version import VERSION
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.monitoring.metrics import store_metrics, worker_metrics
from orders_pipeline.monitoring.metrics.reject_counts import RejectCounts
from orders_pipeline.monitoring.metrics.tallies import Series, Tallies
from orders_pipeline.monitoring.overview import overview
from orders_pipeline.monitoring.queues import AskQueues
from orders_pipeline.monitoring.workers import workers_there
from orders_pipeline.store.engine import reading

AWAY = (DBAPIError, RedisError, ConnectionError)
Section = Callable[[], list[Metric]]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PipelineMetrics(Collector):
    """All metrics of a home.

    Args:
        engine, client: of the order store and of Redis, with short time-outs so that a scrape never hangs.
        home: the folder whose disk space is reported.
    """

    figures: PublishedFigures
    engine: Engine
    client: redis.Redis
    ask_queues: AskQueues
    home: Path

    def collect(self) -> Iterator[Metric]:
        """The current metrics. Those of a store that does not answer are left out."""
        up = GaugeMetricFamily("orders_up", "1 if the service answers, else 0.", labels=["service"])
        sections: dict[str, Section] = {"database": self._store, "redis": self._redis, "broker": self._broker}
        answers: dict[str, bool] = {}
        for service, section in sections.items():
            metrics = _metrics(section)
            up.add_metric([service], 1 if metrics else 0)
            yield from metrics
            answers[service] = bool(metrics)
        yield up
        if answers["database"] and answers["redis"]:
            yield from _metrics(self._figures)
        if answers["broker"] and answers["redis"]:
            yield from _metrics(self._time_to_clear)
        yield from self._process()

    def _store(self) -> list[Metric]:
        with reading(self.engine) as connection:
            found = overview(connection, now := now_us())
        return [*store_metrics.of_store(found, now), *store_metrics.of_warehouse(self.figures.folder)]

    def _redis(self) -> list[Metric]:
        workers = worker_metrics.of_workers(workers_there(self.client))
        return [*workers, *worker_metrics.of_series(self._series())]

    def _broker(self) -> list[Metric]:
        return worker_metrics.of_queues(self.ask_queues(), now_us())

    def _figures(self) -> list[Metric]:
        owner = self.figures.cache.owner
        live = replace(self.figures.live, engine=self.engine, client=self.client)
        with reading(self.engine) as connection:
            rejects = RejectCounts(self.client, owner).by_code(connection)
        return [
            store_metrics.of_rejects(rejects),
            *store_metrics.of_today(live.by_currency()),
        ]

    def _time_to_clear(self) -> list[Metric]:
        workers = workers_there(self.client)
        return [worker_metrics.time_to_clear(self.ask_queues(), workers, self._series())]

    def _series(self) -> list[Series]:
        return list(Tallies(self.client, self.figures.cache.owner).read())

    def _process(self) -> Iterator[Metric]:
        usage = shutil.disk_usage(self.home)
        yield GaugeMetricFamily(
            "orders_disk_free_bytes", "Free bytes on the disk that holds ORDERS_HOME.", usage.free
        )
        yield GaugeMetricFamily(
            "orders_disk_size_bytes", "Size of the disk that holds ORDERS_HOME, in bytes.", usage.total
        )
        labels = {"version": VERSION, "python": platform.python_version()}
        build = GaugeMetricFamily(
            "orders_build_info", "Versions of the running software, as labels; always 1.", labels=list(labels)
        )
        build.add_metric(list(labels.values()), 1)
        yield build


def _metrics(section: Section) -> list[Metric]:
    try:
        return section()
    except AWAY as error:
        log.warning("Some metrics are left out: %s", error)
        return []


def metrics_registry(metrics: PipelineMetrics) -> CollectorRegistry:
    """The metrics of a home and of the process that serves them."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(metrics)
    return registry
