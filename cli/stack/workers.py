"""The Celery workers of a home: their names, queues and sizes."""

from __future__ import annotations

import hashlib
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from orders_pipeline.base.settings import Settings

WORKER, WORKER_ORDERS, WORKER_DEFAULT = "worker", "worker-orders", "worker-default"
# The first is the one that `orders import` brings along; the others are those of `orders up`.
QUEUES_OF: Mapping[str, str] = {WORKER: "orders,dagster", WORKER_ORDERS: "orders", WORKER_DEFAULT: "dagster"}


@dataclass(frozen=True, slots=True)
class PoolSize:
    """Fewest and most processes of a worker."""

    least: int
    most: int


def pool_size(name: str, settings: Settings) -> PoolSize:
    """Processes of this worker, sized to the machine where the settings leave it open.

    A batch keeps a core busy unless it waits for the payment gateway, so a process per core is the most that
    brings anything on; files are parsed a core each, and a small one should not wait for a large one.
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
    """Celery's name of this worker of this home on this machine."""
    digest = hashlib.sha256(str(settings.home).encode()).hexdigest()[:8]
    return f"{name}-{digest}@{socket.gethostname()}"


def worker_command(name: str, settings: Settings, celery_app: str) -> list[str]:
    """Command that runs this worker; one whose size may change grows and shrinks with its tasks."""
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
    # Without them a worker asks its neighbours first, which costs a second at each start.
    quick = ["--without-gossip", "--without-mingle"]
    return [sys.executable, "-m", *celery, *pool, "--pool", "prefork", "--loglevel", "INFO", *quick]
