"""Faults of the stack's processes and of commands: each kills or stops some of them."""

from __future__ import annotations

import random
import time
from contextlib import suppress

import psutil

from cli.stack.stack import start_all
from orders_pipeline.figures.kpis.warehouse.warehouse_folder import warehouse_file
from tests.chaos.home import ChaosHome

AIM_SECONDS = 60.0
AIM_PAUSE_SECONDS = 0.05
LOOK_AGAIN_SECONDS = 2.0
SHARED_RUN_WORKS_SECONDS = 2.0


def worker_child_killed(home: ChaosHome, draw: random.Random) -> bool:
    children = [child for worker in home.workers() for child in worker.children()]
    return kill(*([draw.choice(children)] if children else []))


def worker_killed(home: ChaosHome, draw: random.Random) -> bool:
    workers = home.workers()
    return kill(*([draw.choice(workers)] if workers else []))


def worker_stopped_and_woken(home: ChaosHome, _: random.Random) -> bool:
    """Stopped for longer than the visibility timeout: its task is redelivered, and then the worker wakes."""
    stopped = [one for worker in home.workers() for one in (worker, *worker.children(recursive=True))]
    for process in stopped:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    time.sleep(home.settings.visibility_timeout + 3)
    for process in stopped:
        with suppress(psutil.NoSuchProcess):
            process.resume()
    return bool(stopped)


def run_process_killed(home: ChaosHome, _: random.Random) -> bool:
    """Kills the processes of all runs."""
    return kill(*home.runs())


def run_template_killed(home: ChaosHome, _: random.Random) -> bool:
    """Kills the process from which runs are forked; its runs die with it."""
    return kill(*one(home.run_template()))


def code_server_and_run_killed(home: ChaosHome, _: random.Random) -> bool:
    server = home.program("code-server")
    return kill(*home.runs(), *(server.children(recursive=True) if server else []), *one(server))


def daemon_killed(home: ChaosHome, _: random.Random) -> bool:
    return kill(*one(home.program("daemon")))


def supervisor_killed(home: ChaosHome, _: random.Random) -> bool:
    """Kills the supervisor. Its programs notice it and end; then `orders up` again."""
    killed = kill(home.supervisor())
    start_all(home.settings)
    return killed


def everything_killed(home: ChaosHome, draw: random.Random) -> bool:
    """Kills all processes of the home at once, as a power failure does; then `orders up` again."""
    command_killed(home, draw)
    killed = kill(*home.processes())
    start_all(home.settings)
    return killed


def command_killed(home: ChaosHome, _: random.Random) -> bool:
    """Kills running `orders` commands: imports, refunds, captures."""
    running = [command for command in home.commands if command.poll() is None]
    for command in running:
        command.kill()
        command.wait()
    return bool(running)


def shared_run_killed(home: ChaosHome, draw: random.Random) -> bool:
    """Kills the worker of a run that many small files share, while it works on some of them."""
    deadline = time.monotonic() + AIM_SECONDS
    while time.monotonic() < deadline:
        if home.has_small_files_at_work():
            time.sleep(draw.uniform(0, SHARED_RUN_WORKS_SECONDS))
            worker = home.program("worker-default") if home.has_small_files_at_work() else None
            return kill(*(worker.children() if worker else []), *one(worker))
        time.sleep(AIM_PAUSE_SECONDS)
    return False


def publication_killed(home: ChaosHome, _: random.Random) -> bool:
    """Kills the process that writes figures, while it has the warehouse open."""
    file = str(warehouse_file(home.settings.warehouse))
    deadline = time.monotonic() + AIM_SECONDS
    while time.monotonic() < deadline:
        processes = [child for worker in home.workers() for child in worker.children()]
        look_again = time.monotonic() + LOOK_AGAIN_SECONDS
        while time.monotonic() < look_again:
            if writers := [process for process in processes if _has_open(process, file)]:
                return kill(*writers)
            time.sleep(AIM_PAUSE_SECONDS)
    return False


def _has_open(process: psutil.Process, file: str) -> bool:
    with suppress(psutil.Error):
        return any(one.path == file for one in process.open_files())
    return False


def one(process: psutil.Process | None) -> list[psutil.Process]:
    """The process, if there is one."""
    return [process] if process else []


def kill(*processes: psutil.Process) -> bool:
    """Kills the processes; returns whether there were any."""
    killed = False
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
            killed = True
    return killed
