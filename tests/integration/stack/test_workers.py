"""The workers of `orders up`: their number, how they scale, and the stack in the foreground."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest

from cli.stack.layout import Layout
from cli.stack.programs.workers import WORKER, WORKER_DEFAULT, WORKER_ORDERS, PoolSize, pool_size
from cli.stack.stack import stack_status, start_all, stop_all
from cli.stack.supervision.leftovers import find_leftovers
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from tests.integration.stack.followed_task import Task
from tests.integration.stack.test_stack_import import skip_dagster
from tests.waiting import eventually
from tests.warm_processes import warm_python

APP = "tests.integration.stack.fake_worker"
FOREGROUND = f"""
from cli.stack import foreground, stack
from functools import partial
from orders_pipeline.base.settings import load_settings
foreground.start_all = partial(stack.start_all, celery_app="{APP}")
say = partial(print, flush=True)
foreground.run_in_foreground(load_settings(), ["{WORKER_ORDERS}"], guarded=None, say=say)
print("ended in order", flush=True)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A home whose processes are ended after the test, whatever happened."""
    settings = Settings(home=tmp_path / "home", order_workers_min=1, order_workers_max=3)
    skip_dagster(settings)
    yield settings
    stop_all(settings)
    assert find_leftovers(settings.home) == []


@pytest.mark.parametrize(
    ("cores", "orders", "default"),
    [(1, (1, 1), (1, 1)), (2, (1, 2), (1, 2)), (8, (2, 8), (1, 4)), (64, (16, 64), (8, 32))],
)
def test_workers_are_sized_to_the_machine(
    cores: int, orders: tuple[int, int], default: tuple[int, int]
) -> None:
    settings = Settings(worker_processes=cores)
    assert pool_size(WORKER, settings) == PoolSize(cores, cores)
    assert pool_size(WORKER_ORDERS, settings) == PoolSize(*orders)
    assert pool_size(WORKER_DEFAULT, settings) == PoolSize(*default)


def test_workers_are_as_large_as_the_settings_say() -> None:
    settings = Settings(order_workers_min=5, order_workers_max=20, default_workers_min=3, worker_processes=1)
    assert pool_size(WORKER_ORDERS, settings) == PoolSize(5, 20)
    assert pool_size(WORKER_DEFAULT, settings) == PoolSize(3, 3)


def read_until(text: str, output: IO[str]) -> None:
    """Reads lines up to one with the text; fails at once if the program ends before."""
    assert any(text in line for line in output), f"the program ended without saying {text!r}"


def pid_of(settings: Settings, name: str) -> int:
    pid = {program.name: program.pid for program in stack_status(settings).programs}[name]
    assert pid is not None
    return pid


def test_a_worker_grows_with_its_tasks_and_shrinks_without_ending_a_running_one(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOSCALE_KEEPALIVE", "1")
    start_all(settings, [WORKER_ORDERS], celery_app=APP)
    worker = psutil.Process(pid_of(settings, WORKER_ORDERS))
    first, *others = [Task(settings, tmp_path / name) for name in ("one", "two", "three")]
    assert len(worker.children()) == 3
    busy = int(first.started.read_text())
    for task in others:
        task.release()
    eventually(lambda: [child.pid for child in worker.children()] == [busy])
    assert not first.done.exists()
    first.release()
    eventually(first.done.exists)
    assert all(task.done.exists() for task in others)
    log = Layout(settings.home).log(WORKER_ORDERS).read_text()
    assert "WorkerLost" not in log


def test_in_the_foreground_sigterm_stops_everything_after_the_running_task(
    settings: Settings, tmp_path: Path
) -> None:
    own = {"ORDERS_HOME": str(settings.home), "ORDERS_ORDER_WORKERS_MAX": "1"}
    with subprocess.Popen(
        [warm_python(), "-c", FOREGROUND],
        cwd=PROJECT_ROOT,
        env=os.environ | own,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        read_until("Running until", process.stdout)
        task = Task(settings, tmp_path / "task")
        process.send_signal(signal.SIGTERM)
        assert "Stopping" in process.stdout.readline()
        task.release()
        assert process.stdout.readline() == "ended in order\n"
        assert process.wait() == 0
    assert task.done.exists()
    assert not stack_status(settings).running


def test_a_foreground_whose_supervisor_is_killed_fails_so_that_it_is_started_again(
    settings: Settings,
) -> None:
    own = {"ORDERS_HOME": str(settings.home)}
    with subprocess.Popen(
        [warm_python(), "-c", FOREGROUND],
        cwd=PROJECT_ROOT,
        env=os.environ | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        read_until("Running until", process.stdout)
        os.kill(int((Layout(settings.home).run / "supervisord.pid").read_text()), signal.SIGKILL)
        _out, err = process.communicate()
    assert process.returncode == 1
    assert "The supervisor and its programs were killed" in err
