"""Keeps the engines of Dagster's SQLite files for as long as a process lives.

For: speed. Dagster makes an engine for each query, and SQLAlchemy then compiles the query again. The daemon
of an idle home did little else.
Without it: everything works, but daemon, code server, webserver and runs take more processor time.
Instead: no public method. Not needed once Dagster keeps its engines, as it does for PostgreSQL.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from dagster._core.storage.sql import create_engine
from sqlalchemy import Engine
from sqlalchemy.pool import NullPool

# Each run has a file of its own. The other files are three.
MOST_ENGINES = 32
SQLITE_STORES = (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage)


def keep_engines() -> None:
    """Makes Dagster use one engine for each of its files. The engines keep no connection."""

    @lru_cache(MOST_ENGINES)
    def engine_of(url: str, connect_args: tuple[tuple[str, Any], ...]) -> Engine:
        return create_engine(url, poolclass=NullPool, connect_args=dict(connect_args))

    def kept(url: str, poolclass: type[NullPool], connect_args: Mapping[str, Any] | None = None) -> Engine:
        if poolclass is not NullPool:
            raise TypeError("Dagster keeps connections now, so this module is not needed.")
        return engine_of(url, tuple((connect_args or {}).items()))

    for module in SQLITE_STORES:
        vars(module)["create_engine"] = kept
