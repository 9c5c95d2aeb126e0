"""Contract of `jobs.dagster_seams.celery_workers` and `celery_pings`, with a real worker on Redis."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from redis import Redis

from jobs.dagster_seams.celery_pings import pings
from jobs.workers.step_log import IDS_HEADER
from orders_pipeline.base.settings import PROJECT_ROOT
from tests.waiting import eventually

APP, NODE = "tests.orchestration.dagster_seams.telling_worker", "telling@localhost"


@pytest.fixture
def app(redis_url: str) -> Iterator[Celery]:
    with Celery(broker=redis_url, set_as_current=False) as made:
        yield made


@pytest.fixture
def worker(redis_url: str) -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "-q", "-A", APP, "worker", "-n", NODE]
    options = ["-Q", "orders,dagster", "--concurrency", "2", "--without-gossip", "--without-mingle"]
    environment = os.environ | {"TELLING_WORKER_REDIS": redis_url}
    with subprocess.Popen([*command, *options], cwd=PROJECT_ROOT, env=environment) as process:
        yield
        process.terminate()


def noted(redis_url: str, key: str) -> Any:
    return json.loads(Redis.from_url(redis_url).get(key) or "null")


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("worker")
def test_a_worker_answers_pings_and_knows_its_processes_queues_and_tasks(
    app: Celery, redis_url: str, tmp_path: Path
) -> None:
    with app.connection_for_write() as connection:
        eventually(pings(app, connection, NODE, within=0.25))
        assert not pings(app, connection, "nobody@localhost", within=0.25)()
    idle = {"processes": 2, "queues": ["dagster", "orders"], "tasks": 0}
    eventually(lambda: noted(redis_url, "worker-knows") == idle)
    release = tmp_path / "release"
    app.send_task("hold", [str(release)], queue="orders", headers={IDS_HEADER: {"file": "a.csv"}})
    eventually(lambda: noted(redis_url, "worker-knows") == idle | {"tasks": 1})
    eventually(lambda: noted(redis_url, "task-was-given") == {"file": "a.csv"})
    release.touch()
    eventually(lambda: noted(redis_url, "worker-knows") == idle)
