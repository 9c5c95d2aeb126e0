"""Keeps the engines of Dagster's SQLite files for as long as a process lives.

For: speed. Dagster makes an engine for each query, and SQLAlchemy then compiles the query again. The daemon
of an idle home did little else.
Without it: everything works, but daemon, code server, webserver and runs take more processor time.
Instead: no public method. Not needed once Dagster keeps its engines, as it does for PostgreSQL.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from typing import Any

from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sql_schedule_storage import SqlScheduleStorage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from dagster._core.storage.sql import create_engine
from sqlalchemy import Engine
from sqlalchemy.pool import NullPool, QueuePool

# Engines to keep: each run has its own file, and there are three other files.
MOST_ENGINES = 32
SQLITE_STORES = (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage)
# The storages whose files are never removed; files of single runs are removed.
LASTING = (sqlite_run_storage, sqlite_schedule_storage)
# An old storage can lack these tables and columns, so Dagster checks for them several times in each tick, and
# each time it polls the run queue.
LOOKED_UP: tuple[tuple[type, str], ...] = (
    (SqlScheduleStorage, "has_instigators_table"),
    (SqlScheduleStorage, "_has_instigators_table"),
    (SqlScheduleStorage, "has_built_index"),
    (SqlRunStorage, "has_run_stats_index_cols"),
)
CLOSED: Mapping[str, Any] = {"poolclass": NullPool}
# Without a limit, because Dagster may need a second connection while it holds one.
KEPT: Mapping[str, Any] = {"poolclass": QueuePool, "max_overflow": -1}


def keep_engines(*, connections: bool = False) -> None:
    """Makes Dagster use one engine for each of its files. The first call in a process decides.

    Args:
        connections: whether the engines of the permanent files also keep their connections. Otherwise SQLite
            empties its write-ahead log after each transaction. Only for servers that do not fork.
    """
    for module in SQLITE_STORES:
        if vars(module)["create_engine"] is create_engine:
            vars(module)["create_engine"] = _kept(KEPT if connections and module in LASTING else CLOSED)


def remember_tables() -> None:
    """Makes Dagster check only once whether its storages have the tables and columns of this release.

    Only for servers, which use the same storage until they end.
    """
    for owner, name in LOOKED_UP:
        setattr(owner, name, _looked_up_once(getattr(owner, name)))


def _looked_up_once(has: Callable[..., bool]) -> Callable[..., bool]:
    found: set[tuple[str, ...]] = set()

    @wraps(has)
    def is_there(storage: Any, *about: Any) -> bool:
        key = tuple(one for one in about if isinstance(one, str))
        if key not in found and has(storage, *about):
            found.add(key)
        return key in found

    return is_there


def _kept(pool: Mapping[str, Any]) -> Callable[..., Engine]:
    @lru_cache(MOST_ENGINES)
    def engine_of(url: str, connect_args: tuple[tuple[str, Any], ...]) -> Engine:
        return create_engine(url, connect_args=dict(connect_args), **pool)

    def kept(url: str, poolclass: type[NullPool], connect_args: Mapping[str, Any] | None = None) -> Engine:
        if poolclass is not NullPool:
            raise TypeError("Dagster keeps connections now, so this module is not needed.")
        return engine_of(url, tuple((connect_args or {}).items()))

    return kept
