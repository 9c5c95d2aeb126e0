"""Creates the order store's tables, and upgrades tables of an older version."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from orders_pipeline.store.revisions import (
    OURS,
    Migrations,
    StoreRefused,
    current_revision,
    is_outdated,
    require_current,
    revision_of,
)
from orders_pipeline.store.schema import home

MIGRATION_LOCK = 0x0DE5


def ensure_current(engine: Engine, migrations: Migrations = OURS) -> None:
    """Creates the tables of an empty store. Safe when several processes start at once.

    It does not upgrade an older store, because workers of the older code may be using it.

    Raises:
        StoreRefused: the tables are older or newer than this code.
    """
    revision = revision_of(engine)
    if revision is None:
        with _changing_tables(engine) as connection:
            revision = current_revision(connection)
            if revision is None:
                _upgrade(connection, migrations)
                _furnish(connection)
    require_current(revision, migrations)


def upgrade(
    engine: Engine,
    migrations: Migrations = OURS,
    require_alone: Callable[[Connection], None] = lambda _: None,
) -> str | None:
    """Upgrades the tables in one transaction. Returns their old revision; None if they were current.

    Args:
        require_alone: called under the migration lock. Raises if older code is still running.

    Raises:
        StoreRefused: a newer version created the tables.
    """
    with _changing_tables(engine) as connection:
        revision = current_revision(connection)
        if not is_outdated(revision, migrations):
            return None
        require_alone(connection)
        _drop_views_of_figures(connection)
        _upgrade(connection, migrations)
    return revision


@contextmanager
def _changing_tables(engine: Engine) -> Iterator[Connection]:
    """A transaction that may rebuild any table. Only one runs at a time, and all changes commit together."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            with connection.begin():
                connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
                yield connection
            return
        with _without_foreign_keys(connection), connection.begin():
            yield connection
            _require_whole_references(connection)


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Turns off foreign key checks: with them, SQLite cannot rebuild a table that others refer to.

    The pragma has no effect inside a transaction, and every SQLAlchemy statement begins one.
    """
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def _require_whole_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        tables = ", ".join(sorted({row[0] for row in broken}))
        raise StoreRefused(
            "upgrade_failed",
            f"The upgrade was undone: {len(broken)} rows of {tables} would have referred to missing rows.",
            "The order store is unchanged. Report this message.",
        )


def _upgrade(connection: Connection, migrations: Migrations) -> None:
    from alembic import command  # noqa: PLC0415 takes 0.2 s to load
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(migrations.folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, migrations.head)


def _drop_views_of_figures(connection: Connection) -> None:
    """Drops views on the tables, which would prevent changes of their columns.

    The next publication of figures creates them again. Views on which other people's views depend stay.
    """
    if connection.dialect.name != "postgresql":
        return
    names = connection.scalars(text("SELECT viewname FROM pg_views WHERE schemaname = 'figures'")).all()
    if names:
        with suppress(DBAPIError), connection.begin_nested():
            connection.exec_driver_sql("DROP VIEW " + ", ".join(f'figures."{name}"' for name in names))
            connection.exec_driver_sql("COMMENT ON SCHEMA figures IS NULL")


def _furnish(connection: Connection) -> None:
    drawn = {"token": secrets.token_hex(8), "payment_seed": secrets.token_hex(16)}
    connection.execute(insert(home).values(id=1, next_order_id=1, **drawn))
