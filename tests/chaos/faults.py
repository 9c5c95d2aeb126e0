"""The faults, each an action on a running stack that undoes itself where its name says so."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import psutil
import psycopg2
from redis.exceptions import RedisError
from sqlalchemy import make_url

from cli.stack.stack import start_all
from tests.chaos.home import ChaosHome

Fault = Callable[[ChaosHome, random.Random], bool]
POOL_EXHAUSTED_SECONDS = 10
DATABASE_LOCKED_SECONDS = 8
DISK_FULL_SECONDS = 10
REDIS_FULL_SECONDS = 15
GATEWAY_AWAY_SECONDS = 12
FILL_BYTES = 1 << 16


def worker_child_killed(home: ChaosHome, draw: random.Random) -> bool:
    children = [child for worker in home.workers() for child in worker.children()]
    return _kill(*([draw.choice(children)] if children else []))


def worker_killed(home: ChaosHome, draw: random.Random) -> bool:
    workers = home.workers()
    return _kill(*([draw.choice(workers)] if workers else []))


def worker_stopped_and_woken(home: ChaosHome, _: random.Random) -> bool:
    """Stopped past the visibility timeout: its task is redelivered, and then it wakes."""
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
    return _kill(*home.runs())


def code_server_and_run_killed(home: ChaosHome, _: random.Random) -> bool:
    server = home.program("code-server")
    return _kill(*home.runs(), *(server.children(recursive=True) if server else []), *_one(server))


def daemon_killed(home: ChaosHome, _: random.Random) -> bool:
    return _kill(*_one(home.program("daemon")))


def supervisor_killed(home: ChaosHome, _: random.Random) -> bool:
    """What it ran learns of it and ends; then `orders up` again."""
    killed = _kill(home.supervisor())
    start_all(home.settings)
    return killed


def everything_killed(home: ChaosHome, draw: random.Random) -> bool:
    """All processes of the home at one stroke, as by a power cut; then `orders up` again."""
    import_command_killed(home, draw)
    killed = _kill(*home.processes())
    start_all(home.settings)
    return killed


def import_command_killed(home: ChaosHome, _: random.Random) -> bool:
    running = [command for command in home.commands if command.poll() is None]
    for command in running:
        command.kill()
        command.wait()
    return bool(running)


def redis_killed(home: ChaosHome, _: random.Random) -> bool:
    """With all it held: it saves nothing."""
    return _kill(*_one(home.program("redis")))


def redis_flushed(home: ChaosHome, _: random.Random) -> bool:
    with suppress(RedisError), home.redis() as client:
        return bool(client.flushall())
    return False


def redis_full(home: ChaosHome, _: random.Random) -> bool:
    """It answers, and takes no more writes, for a while."""
    with suppress(RedisError), home.redis() as client:
        client.config_set("maxmemory", 1)
        time.sleep(REDIS_FULL_SECONDS)
        return bool(client.config_set("maxmemory", 0))
    return False


def rabbitmq_restarted(home: ChaosHome, _: random.Random) -> bool:
    if home.rabbit:
        home.rabbit.restart()
    return home.rabbit is not None


def database_restarted(home: ChaosHome, _: random.Random) -> bool:
    if home.postgres:
        home.postgres.restart()
    return home.postgres is not None


def connections_exhausted(home: ChaosHome, _: random.Random) -> bool:
    """Takes every connection that the server has left, for a while."""
    if not home.postgres:
        return False
    taken: list[psycopg2.extensions.connection] = []
    ends = time.monotonic() + POOL_EXHAUSTED_SECONDS
    while time.monotonic() < ends:
        try:
            taken.append(home.postgres.connect())
        except psycopg2.OperationalError:
            time.sleep(0.05)
    for connection in taken:
        connection.close()
    return True


def database_locked(home: ChaosHome, _: random.Random) -> bool:
    """Another writer holds SQLite for a while."""
    if home.postgres:
        return False
    with closing(sqlite3.connect(str(make_url(home.settings.store_url).database), timeout=30)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(DATABASE_LOCKED_SECONDS)
        connection.rollback()
    return True


def disk_full(home: ChaosHome, _: random.Random) -> bool:
    """Nothing more can be written to the home, for a while."""
    filler = home.settings.home / "filler"
    ends = time.monotonic() + DISK_FULL_SECONDS
    while time.monotonic() < ends:
        _fill(filler)
        time.sleep(0.1)
    filler.unlink()
    return True


def _fill(filler: Path) -> None:
    with filler.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            os.posix_fallocate(file.fileno(), file.tell(), FILL_BYTES)
            file.seek(0, os.SEEK_END)


def gateway_killed(home: ChaosHome, draw: random.Random) -> bool:
    """It comes back with its journal after a while."""
    home.gateway.kill()
    time.sleep(draw.uniform(0, GATEWAY_AWAY_SECONDS))
    home.gateway.start()
    return True


def _one(process: psutil.Process | None) -> list[psutil.Process]:
    return [process] if process else []


def _kill(*processes: psutil.Process) -> bool:
    """Whether there was anything to kill."""
    killed = False
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
            killed = True
    return killed


FAULTS: dict[str, Fault] = {
    fault.__name__.replace("_", " "): fault
    for fault in (
        worker_child_killed,
        worker_killed,
        worker_stopped_and_woken,
        run_process_killed,
        code_server_and_run_killed,
        daemon_killed,
        supervisor_killed,
        everything_killed,
        import_command_killed,
        redis_killed,
        redis_flushed,
        redis_full,
        rabbitmq_restarted,
        database_restarted,
        database_locked,
        connections_exhausted,
        disk_full,
        gateway_killed,
    )
}


def faults_of(home: ChaosHome) -> list[str]:
    """Names of the faults that this back end can have."""
    absent = {"database locked"} if home.postgres else {"database restarted", "connections exhausted"}
    absent |= set() if home.rabbit else {"rabbitmq restarted"}
    absent |= set() if home.own_disk else {"disk full"}
    return [name for name in FAULTS if name not in absent]
