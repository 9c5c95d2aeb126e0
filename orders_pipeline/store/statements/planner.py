"""Settings for the query planner of PostgreSQL; SQLite needs none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, func, select

# The query is not compiled, and no other processes are started for it.
_IN_ONE_PROCESS = {"jit": "off", "max_parallel_workers_per_gather": "0"}
_HASH_JOINS = {"enable_nestloop": "off"}
_ALL_BY_HASH = {
    **_HASH_JOINS,
    "enable_mergejoin": "off",
    **_IN_ONE_PROCESS,
}
_ANY_JOIN = {"enable_nestloop": "on"}
_KEYS = {
    "enable_nestloop": "on",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    # PostgreSQL uses what is switched off if nothing else works, at a cost so high that it would also choose
    # these.
    **_IN_ONE_PROCESS,
}


def join_windows_by_hash(connection: Connection) -> None:
    """Keeps PostgreSQL from probing an index once for each order of a window, until the transaction ends.

    There are no statistics of rows this new, so its planner expects one row instead of thousands.
    """
    _set(connection, _HASH_JOINS)


def join_all_by_hash(connection: Connection) -> None:
    """Makes PostgreSQL join whole tables by hash until the transaction ends, in the process of the session.

    With statistics of only some of the tables, its own plans for 100,000 payments took minutes, not seconds.
    """
    _set(connection, _ALL_BY_HASH)


def plan_for_a_page(connection: Connection) -> None:
    """Keeps PostgreSQL from compiling a query or starting processes for it, until the transaction ends.

    Each takes longer than to find a page of orders.
    """
    _set(connection, _IN_ONE_PROCESS)


@contextmanager
def any_join(connection: Connection) -> Iterator[None]:
    """Lets PostgreSQL choose its joins while the context lasts: for tables that are read without a window."""
    with _setting(connection, _ANY_JOIN):
        yield


@contextmanager
def by_keys(connection: Connection) -> Iterator[None]:
    """Makes PostgreSQL look rows up by their keys while the context lasts, in the order of an index.

    This is for statements that name thousands of rows of a table. Its planner would read the whole table as
    long as that has fewer than a hundred thousand rows, which takes longer.
    """
    with _setting(connection, _KEYS):
        yield


@contextmanager
def _setting(connection: Connection, settings: Mapping[str, str]) -> Iterator[None]:
    before = _set(connection, settings)
    yield
    _set(connection, before)


def _set(connection: Connection, settings: Mapping[str, str]) -> dict[str, str]:
    """Sets these until the transaction ends; returns what they were."""
    if connection.dialect.name != "postgresql":
        return {}
    before = [func.current_setting(name) for name in settings]
    now = [func.set_config(name, value, True) for name, value in settings.items()]
    # PostgreSQL computes the columns from left to right.
    row = connection.execute(select(*before, *now)).one()
    return dict(zip(settings, row, strict=False))
