"""Opens the order store: SQLite with one writer at a time, or PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, TimeoutError
from tenacity import Retrying, retry_if_exception_message, stop_after_delay, wait_fixed, wait_none

from orders_pipeline.base.files.home import make_home
from orders_pipeline.base.version import VERSION
from orders_pipeline.store.compiled import STATEMENTS
from orders_pipeline.store.driver_errors import cut_errors
from orders_pipeline.store.traced_transactions import trace_transactions

LOCKED_AT_MOST_SECONDS = 60
BUSY_TIMEOUT = f"busy_timeout = {LOCKED_AT_MOST_SECONDS * 1000}"
# For the start of a writing transaction. SQLite waits longer after each failed try, up to a tenth of a
# second, so a store to which several workers write would be idle for a quarter of the time.
SHORT_BUSY_TIMEOUT = "busy_timeout = 5"
IS_LOCKED = retry_if_exception_message(match=".*database is locked")
GIVE_UP = stop_after_delay(LOCKED_AT_MOST_SECONDS)
# Called, not used as decorators: functions that tenacity decorates share their statistics between threads,
# and a thread that begins a call clears those of the others, which then fail with a KeyError
# (https://github.com/jd/tenacity/issues/701).
UNTIL_UNLOCKED = Retrying(retry=IS_LOCKED, stop=GIVE_UP, wait=wait_none(), reraise=True)
SOON_UNLOCKED = Retrying(retry=IS_LOCKED, stop=GIVE_UP, wait=wait_fixed(0.01), reraise=True)
SQLITE_PRAGMAS = (
    BUSY_TIMEOUT,
    # Only for new stores. Index entries arrive in random order, and larger pages are split less often.
    "page_size = 16384",
    "journal_mode = WAL",
    # Commits survive a power failure. With a few dozen large transactions per batch, the cost is negligible.
    "synchronous = FULL",
    "foreign_keys = ON",
    "cache_size = -65536",
)

# A host that vanishes closes no connection. Each end gives up after half a minute of silence, so that no row
# stays locked for the two hours that are the default. Parameters in the URL take precedence.
KEEPALIVES = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}
GIVE_UP_MILLISECONDS = 30_000
CONNECT_SECONDS = 10
# The name that PostgreSQL shows for a session, so that people see which programs use the database.
APPLICATION = f"orders-pipeline {VERSION}"
WATCHER_CONNECT_SECONDS, WATCHER_STATEMENT_SECONDS = 2, 10
# Raised if the store cannot be reached, refuses a statement, or hangs with all connections of a process.
STORE_FAILED = (DBAPIError, TimeoutError)


def open_engine(url: str, pool_seconds: float = 30) -> Engine:
    """An engine on a SQLite or PostgreSQL URL; nothing is connected yet.

    Args:
        pool_seconds: how long to wait for a connection to PostgreSQL while all of the pool are in use.

    Its errors, which runs and commands log, contain no rows: they would be customer data.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite_engine(url)
    return _engine(
        url,
        connect_args=_liveness(make_url(url)),
        pool_pre_ping=True,
        pool_size=2,
        max_overflow=3,
        pool_timeout=pool_seconds,
    )


def open_watching_engine(url: str) -> Engine:
    """An engine for health checks: it fails within seconds if PostgreSQL hangs.

    A server whose processes are stopped still accepts data, but never answers. Only connecting has a time
    limit that the client enforces by itself, so each use opens a new connection.
    """
    if make_url(url).get_backend_name() == "sqlite":
        # An open connection would not notice that the file is gone.
        return _sqlite_engine(url, poolclass=NullPool)
    arguments = _liveness(make_url(url)) | {"connect_timeout": WATCHER_CONNECT_SECONDS}
    arguments["options"] += f" -c statement_timeout={WATCHER_STATEMENT_SECONDS}s"
    return _engine(url, connect_args=arguments, poolclass=NullPool)


def _engine(url: str, **options: Any) -> Engine:
    shared = {"compiled_cache": STATEMENTS}
    engine = create_engine(url, hide_parameters=True, execution_options=shared, **options)
    cut_errors(engine)
    trace_transactions(engine)
    return engine


def _liveness(url: URL) -> dict[str, Any]:
    """Arguments of a PostgreSQL connection by which both of its ends notice that the other is gone."""
    ours: dict[str, Any] = {
        **KEEPALIVES,
        "application_name": APPLICATION,
        "tcp_user_timeout": GIVE_UP_MILLISECONDS,
        "connect_timeout": CONNECT_SECONDS,
    }
    server = {f"tcp_{name}": value for name, value in KEEPALIVES.items()}
    server["tcp_user_timeout"] = GIVE_UP_MILLISECONDS
    options = [f"-c {name}={value}" for name, value in server.items()]
    given = url.query.get("options", "")
    options += [given] if isinstance(given, str) else given
    return {name: value for name, value in ours.items() if name not in url.query} | {
        "options": " ".join(options).strip()
    }


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one snapshot of the store and never waits for a writer."""
    options: dict[str, Any] = {"reads_only": True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


def _sqlite_engine(url: str, **options: Any) -> Engine:
    database = make_url(url).database
    if database:
        make_home(Path(database).parent)
    engine = _engine(url, connect_args={"isolation_level": None}, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in SQLITE_PRAGMAS:
        # If several processes create a store, the switch to WAL fails at once, regardless of busy_timeout.
        SOON_UNLOCKED(connection.execute, f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get("reads_only"):
        connection.exec_driver_sql("BEGIN DEFERRED")
        return
    connection.exec_driver_sql(f"PRAGMA {SHORT_BUSY_TIMEOUT}")
    try:
        # A deferred transaction that reads and then writes fails at once if another one wrote in between.
        UNTIL_UNLOCKED(connection.exec_driver_sql, "BEGIN IMMEDIATE")
    finally:
        connection.exec_driver_sql(f"PRAGMA {BUSY_TIMEOUT}")
