"""The Celery workers of a home: their names, queues and sizes."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from cli.stack.programs.program import RUN_MODULE
from orders_pipeline.base.settings import Settings

WORKER, WORKER_ORDERS, WORKER_DEFAULT = "worker", "worker-orders", "worker-default"
# For Flower only, and less often than Celery's two seconds: `worker_signs` tells this project of workers.
FLOWER_HEARTBEAT_SECONDS = 10
# `orders import` starts the first worker, `orders up` the other two.
QUEUES_OF: Mapping[str, str] = {WORKER: "orders,dagster", WORKER_ORDERS: "orders", WORKER_DEFAULT: "dagster"}


@dataclass(frozen=True, slots=True)
class PoolSize:
    """The minimum and maximum number of processes of a worker."""

    least: int
    most: int


def pool_size(name: str, settings: Settings) -> PoolSize:
    """Returns the pool size of a worker; without a setting it depends on the machine.

    A batch uses a whole core unless it waits for the payment gateway, so more than one process per core does
    not help. Parsing a file uses one core; with at least two processes, a small file need not wait for a
    large one.
    """
    cores = settings.processes
    if name == WORKER:
        return PoolSize(cores, cores)
    if name == WORKER_ORDERS:
        return _pool(settings.order_workers_min, settings.order_workers_max, cores)
    return _pool(settings.default_workers_min, settings.default_workers_max, max(min(2, cores), cores // 2))


def _pool(least: int, most: int, most_by_machine: int) -> PoolSize:
    most = most or max(most_by_machine, least)
    return PoolSize(least or max(1, most // 4), most)


def worker_node(name: str, settings: Settings) -> str:
    """Returns the Celery node name of this home's worker on this machine."""
    digest = hashlib.sha256(str(settings.home).encode()).hexdigest()[:8]
    return f"{name}-{digest}@{socket.gethostname()}"


def worker_command(name: str, settings: Settings, celery_app: str) -> list[str]:
    """Returns the command of a worker; a pool with different minimum and maximum scales with its tasks."""
    size = pool_size(name, settings)
    celery = [
        "celery",
        "-q",
        "-A",
        celery_app,
        "worker",
        "-n",
        worker_node(name, settings),
        "-Q",
        QUEUES_OF[name],
    ]
    if size.least == size.most:
        pool = ["--concurrency", str(size.most)]
    else:
        pool = ["--autoscale", f"{size.most},{size.least}"]
    # Gossip and mingle contact other workers, which costs a second at each start.
    quick = ["--without-gossip", "--without-mingle", "--heartbeat-interval", str(FLOWER_HEARTBEAT_SECONDS)]
    return [*RUN_MODULE, *celery, *pool, "--pool", "prefork", "--loglevel", "INFO", *quick]
