"""Upgrades the order store of a home: stops its programs, makes a backup, changes the tables.

All steps are done under the home's start lock. Nothing is stopped before it is clear that no workers on other
machines, no commands of this home and no foreign programs use the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from redis.exceptions import RedisError
from sqlalchemy import Connection, Engine, TextClause

from cli.stack.errors import StackError
from cli.stack.lifecycle import Say, end_orphans, running_programs
from cli.stack.programs.programs import KEEPER, REDIS, Plan, is_redis_embedded
from cli.stack.programs.workers import QUEUES_OF, worker_node
from cli.stack.readiness import redis_answers
from cli.stack.supervision.locks import has_members
from cli.stack.supervision.members import named_members
from cli.stack.supervision.supervisor import Supervisor
from orders_pipeline.backup.backup import back_up
from orders_pipeline.monitoring.workers import Worker, workers_there
from orders_pipeline.services.redis_clients import open_redis
from orders_pipeline.services.redis_server import redis_url
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.known_store import require_known_store
from orders_pipeline.store.migrate import ensure_current, upgrade
from orders_pipeline.store.revisions import StoreRefused, is_outdated, revision_of
from orders_pipeline.store.sessions import FOREIGN, OTHERS, sessions_that_stay

# Seconds to wait for database sessions, which outlive their program for a moment. Sessions that are still
# open after this time belong to running programs.
LEAVE_SECONDS = 5.0
STOP_ALL = "Stop it there (`orders down` on every machine), then try again."


@dataclass(frozen=True, slots=True)
class Upgraded:
    """A completed upgrade.

    Args:
        before, after: revisions of the tables.
        backup: the backup that was made before the upgrade; None if none was requested.
        stopped: programs of this home that were stopped for the upgrade.
    """

    before: str
    after: str
    backup: Path | None
    stopped: tuple[str, ...]


def upgrade_store(plan: Plan, say: Say, *, backed_up: bool = True) -> Upgraded | None:
    """Upgrades an older store, or creates the tables of a new one; returns None if no upgrade is needed.

    Raises:
        StoreRefused: a newer version made the tables, or other programs use the store.
        StackError: the Redis with the workers' heartbeats does not answer.
        BackupError: the backup cannot be made.
    """
    with _engine(plan) as engine:
        require_known_store(engine, plan.settings.home)
        before = revision_of(engine)
        if before is None:
            ensure_current(engine, plan.migrations)
        if before is None or not is_outdated(before, plan.migrations):
            return None
        end_orphans(plan.layout, say)
        _require_no_commands(plan)
        _require_no_older_workers(plan)
        _require_no_sessions(engine, FOREIGN)
        stopped = _stop_programs(plan, say)
        with _named_if_they_stay_stopped(stopped, say):
            _require_no_sessions(engine, OTHERS)
            backup = _back_up(engine, plan, before, say) if backed_up else None
            say(f"Upgrading the order store from revision {before} to {plan.migrations.head}")
            upgrade(engine, plan.migrations, partial(_require_alone, plan))
        return Upgraded(before, plan.migrations.head, backup, tuple(stopped))


@contextmanager
def _engine(plan: Plan) -> Iterator[Engine]:
    engine = open_engine(plan.settings.store_url)
    try:
        yield engine
    finally:
        engine.dispose()


def _require_no_commands(plan: Plan) -> None:
    if has_members(plan.layout.run):
        raise StoreRefused(
            "store_in_use",
            f"Commands of this home are still running: {named_members(plan.layout)}.",
            "Wait until they have ended, then try again.",
        )


def _require_alone(plan: Plan, connection: Connection) -> None:
    """Checks again, under the lock, that no other program has started to use the store."""
    _require_no_older_workers(plan)
    _require_no_other(sessions_that_stay(connection, LEAVE_SECONDS))


def _require_no_sessions(engine: Engine, which: TextClause) -> None:
    with reading(engine) as connection:
        _require_no_other(sessions_that_stay(connection, LEAVE_SECONDS, which))


def _require_no_other(sessions: list[str]) -> None:
    if sessions:
        raise StoreRefused(
            "store_in_use", f"Other programs use the order store's database: {', '.join(sessions)}.", STOP_ALL
        )


def _require_no_older_workers(plan: Plan) -> None:
    if older := _older_workers(plan):
        named = ", ".join(f"{one.name} ({one.version or '0.1.0'})" for one in older)
        raise StoreRefused(
            "store_in_use",
            f"Workers of another version use this order store: {named}.",
            f"{STOP_ALL} A worker that was killed still counts for half a minute.",
        )


def _older_workers(plan: Plan) -> list[Worker]:
    """Returns workers whose code needs other tables, except those of this home, which are stopped first."""
    url = redis_url(plan.settings)
    if is_redis_embedded(plan.settings) and not redis_answers(url):
        # An embedded Redis has only workers of this home: those on other machines cannot reach it.
        return []
    own = {worker_node(name, plan.settings) for name in QUEUES_OF}
    try:
        with closing(open_redis(url)) as client:
            there = workers_there(client)
    except RedisError as error:
        raise StackError(
            "redis_unreachable",
            "The Redis of ORDERS_REDIS_URL does not answer, so it is unknown which workers run",
        ) from error
    return [one for one in there if one.name not in own and one.revision != plan.migrations.head]


def _stop_programs(plan: Plan, say: Say) -> list[str]:
    names = [name for name in running_programs(plan.layout) if name not in (REDIS, KEEPER)]
    if names:
        say("Stopping " + ", ".join(names) + " for the upgrade; a worker ends its batch first")
        Supervisor(plan.layout).remove(names)
    return names


@contextmanager
def _named_if_they_stay_stopped(stopped: list[str], say: Say) -> Iterator[None]:
    """Names the stopped programs if the upgrade fails: they cannot run on the older store."""
    try:
        yield
    except BaseException:
        if stopped:
            say(
                f"The upgrade failed. Still stopped: {', '.join(stopped)}. After it, `orders up` starts them."
            )
        raise


def _back_up(engine: Engine, plan: Plan, before: str, say: Say) -> Path:
    settings = plan.settings
    folder = settings.backup_folder or settings.home / "backups"
    file = folder / f"before-upgrade-of-{before}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz"
    say(f"Backing up to {file}")
    return back_up(engine, settings, file).file
