"""Queues and priorities have the same effect on both real brokers, for senders, workers and monitoring."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery

from jobs.workers.celery_settings import step_app
from jobs.workers.executor import require_workers
from jobs.workers.priorities import Priority, message_priority, priority_tag, step_priority
from jobs.workers.queues import queue_sizes, unserved_queues
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from tests.warm_processes import warm_python

URGENT = "dagster-celery/run_priority"


@pytest.fixture(params=["redis", "rabbitmq"])
def settings(request: pytest.FixtureRequest, redis_url: str, tmp_path: Path) -> Settings:
    """A home on each kind of broker."""
    broker = redis_url if request.param == "redis" else request.getfixturevalue("rabbitmq_url")
    return Settings(home=tmp_path / "home", redis_url=redis_url, broker_url=broker)


@pytest.fixture
def app(settings: Settings) -> Iterator[Celery]:
    """The app that sends, as the executor makes it."""
    with step_app(settings) as made:
        yield made


@contextmanager
def worker(settings: Settings, queues: str) -> Iterator[None]:
    """A worker with one process on these queues, in a separate process."""
    services = {"ORDERS_REDIS_URL": settings.redis_url, "ORDERS_BROKER_URL": settings.broker_url}
    command = [warm_python(), "-m", "celery", "-q", "-A", "tests.integration.jobs.noting_worker", "worker"]
    options = ["-Q", queues, "--concurrency", "1", "--without-gossip", "--without-mingle"]
    environment = os.environ | services | {"ORDERS_HOME": str(settings.home)}
    with subprocess.Popen([*command, *options], cwd=PROJECT_ROOT, env=environment) as process:
        try:
            yield
        finally:
            process.terminate()


def send(app: Celery, file: Path, queue: str, priority: int) -> None:
    app.send_task(
        "note",
        [f"{queue} {priority}", str(file)],
        queue=queue,
        routing_key=f"{queue}.execute_plan",
        priority=message_priority(priority, str(app.conf.broker_url)),
    )


def noted(file: Path, lines: int) -> list[str]:
    """Waits for this number of lines. The time limit of the test ends an endless wait."""
    while not file.exists() or len(file.read_text().splitlines()) < lines:
        time.sleep(0.05)
    return file.read_text().splitlines()


def test_what_has_a_higher_priority_runs_first_and_a_worker_takes_from_its_queues_only(
    settings: Settings, app: Celery, tmp_path: Path
) -> None:
    file = tmp_path / "noted"
    for priority in (0, 4, 9, 1, 5, 4, 8):
        send(app, file, "orders", priority)
    send(app, file, "dagster", 9)
    assert queue_sizes(settings) == {"orders": 7, "dagster": 1}
    with worker(settings, "orders"):
        assert noted(file, 7) == [f"orders {priority}" for priority in (9, 8, 5, 4, 4, 1, 0)]
        assert unserved_queues(app, 10) == {"dagster"}
    assert queue_sizes(settings) == {"orders": 0, "dagster": 1}
    with worker(settings, "dagster"):
        assert noted(file, 8)[-1] == "dagster 9"


def test_a_run_is_refused_with_the_name_of_the_queue_that_nobody_serves(
    settings: Settings, app: Celery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.workers.executor.WORKERS_ANSWER_WITHIN_SECONDS", 5)
    with worker(settings, "orders"):
        send(app, tmp_path / "noted", "orders", 5)
        noted(tmp_path / "noted", 1)
        with pytest.raises(Exception, match="queue dagster"):
            require_workers(app)
    with worker(settings, "orders,dagster"):
        send(app, tmp_path / "noted", "dagster", 5)
        noted(tmp_path / "noted", 2)
        require_workers(app)


def test_what_was_begun_ends_first_and_small_files_come_before_large_ones() -> None:
    steps = (Priority.BEGIN, Priority.GO_ON, Priority.END)
    large = [step_priority(priority_tag(step), {}, 20) for step in steps]
    small = [step_priority(priority_tag(step), {}, 1) for step in steps]
    assert large == sorted(large)
    assert min(small) > max(large)
    assert step_priority({}, {}, 0) == Priority.OTHER_WORK


def test_where_they_are_few_the_batches_of_a_file_go_side_by_side() -> None:
    begin, go_on, end = map(priority_tag, (Priority.BEGIN, Priority.GO_ON, Priority.END))
    assert step_priority(begin, {}, 4) == step_priority(go_on, {}, 4) == step_priority(end, {}, 4)
    assert step_priority(begin, {}, 0) < step_priority(go_on, {}, 4)


def test_a_run_can_be_made_urgent_or_can_wait_within_the_bounds_of_the_broker() -> None:
    tags = priority_tag(Priority.END)
    assert step_priority(tags, {URGENT: "3"}, 20) == Priority.END + 3
    assert step_priority(tags, {URGENT: "50"}, 1) == 9
    assert step_priority(tags, {URGENT: "-50"}, 1) == 0
    assert step_priority(tags, {URGENT: "soon"}, 20) == Priority.END
