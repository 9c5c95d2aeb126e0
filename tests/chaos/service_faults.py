"""Faults of the services that the stack uses: servers, the disk and the gateway.

Each fault ends by itself.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import psycopg2
from redis import Redis
from sqlalchemy import make_url

from orders_pipeline.base.clock import now_us
from orders_pipeline.monitoring.alerts.alert_rules import AlertName
from orders_pipeline.services.redis_server import redis_url
from tests.chaos.home import ChaosHome
from tests.chaos.process_faults import kill, one
from tests.chaos.raised_alerts import RAISED_WITHIN_SECONDS, was_raised

POOL_EXHAUSTED_SECONDS = 10
DATABASE_LOCKED_SECONDS = 8
DISK_FULL_SECONDS = 10
GATEWAY_AWAY_SECONDS = 12
REDIS_AWAY_SECONDS = 10
FILL_BYTES = 1 << 16
NEW_PASSWORD = "another"  # noqa: S105 of a server of the suite
MISBEHAVIOUR = {
    "error_before": 0.1,
    "error_after": 0.1,
    "rate_limited": 0.1,
    "reset_before": 0.1,
    "reset_after": 0.1,
    "late_success": 0.1,
    "maintenance_page": 0.1,
}


def redis_killed(home: ChaosHome, _: random.Random) -> bool:
    """Kills Redis with all its data, because it saves nothing."""
    return kill(*one(home.program("redis")))


def redis_flushed(home: ChaosHome, _: random.Random) -> bool:
    with home.redis() as client:
        return bool(client.flushall())


def redis_full(home: ChaosHome, _: random.Random) -> bool:
    """The server answers but refuses writes, until an alert is raised."""
    with home.redis() as client:
        client.config_set("maxmemory", 1)
        _await_alert(home)
        return bool(client.config_set("maxmemory", 0))


def redis_password_changed(home: ChaosHome, _: random.Random) -> bool:
    """The server refuses all new connections, until an alert is raised."""
    old = make_url(redis_url(home.settings))
    new = old.set(password=NEW_PASSWORD).render_as_string(hide_password=False)
    with home.redis() as client:
        client.config_set("requirepass", NEW_PASSWORD)
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    _await_alert(home)
    with Redis.from_url(new) as insider:
        return bool(insider.config_set("requirepass", str(old.password or "")))


def _await_alert(home: ChaosHome) -> None:
    began = now_us()
    time.sleep(REDIS_AWAY_SECONDS)
    deadline = time.monotonic() + RAISED_WITHIN_SECONDS
    while time.monotonic() < deadline and not was_raised(home.engine, AlertName.SERVICE_DOWN, began):
        time.sleep(1)


def rabbitmq_restarted(home: ChaosHome, _: random.Random) -> bool:
    if home.rabbit:
        home.rabbit.restart()
    return home.rabbit is not None


def database_restarted(home: ChaosHome, _: random.Random) -> bool:
    if home.postgres:
        home.postgres.restart()
    return home.postgres is not None


def connections_exhausted(home: ChaosHome, _: random.Random) -> bool:
    """Takes all connections that the server has left, for a while."""
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
    """Another writer locks SQLite for a while."""
    if home.postgres:
        return False
    with closing(sqlite3.connect(str(make_url(home.settings.store_url).database), timeout=30)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(DATABASE_LOCKED_SECONDS)
        connection.rollback()
    return True


def disk_full(home: ChaosHome, _: random.Random) -> bool:
    """The home's disk is full for a while."""
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
    """The gateway stops, and returns with its journal after a while."""
    home.gateway.kill()
    time.sleep(draw.uniform(0, GATEWAY_AWAY_SECONDS))
    home.gateway.start()
    return True


def gateway_holds_charges(home: ChaosHome, _: random.Random) -> bool:
    """For a while, each response arrives byte by byte, beyond any deadline."""
    home.gateway.set_faults(rates={"trickle_after": 1.0})
    time.sleep(GATEWAY_AWAY_SECONDS)
    home.gateway.set_faults()
    return True


def gateway_misbehaves(home: ChaosHome, draw: random.Random) -> bool:
    """For a while, it answers most requests wrongly, late or not at all, and forgets keys."""
    home.gateway.set_faults(rates=MISBEHAVIOUR, seed=str(draw.random()), forget_keys_after=1.0)
    time.sleep(2 * GATEWAY_AWAY_SECONDS)
    home.gateway.set_faults()
    return True
