"""Makes the order store's tables, and upgrades those of an older version."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

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
    """Makes the tables of an empty store; safe when several processes start at once.

    An older store is not upgraded here: workers of the older code may be at work on it.

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
    """Upgrades the tables in one transaction: the revision they had, or None where they are current.

    Args:
        require_alone: called once nobody else can migrate; raises where older code is still at work.

    Raises:
        StoreRefused: a newer version made the tables.
    """
    with _changing_tables(engine) as connection:
        revision = current_revision(connection)
        if not is_outdated(revision, migrations):
            return None
        require_alone(connection)
        _upgrade(connection, migrations)
    return revision


@contextmanager
def _changing_tables(engine: Engine) -> Iterator[Connection]:
    """A transaction that may rebuild any table, one at a time; all of it is kept, or nothing."""
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
    """SQLite rebuilds no table that others refer to while it checks foreign keys.

    The switch does nothing inside a transaction, and every statement of SQLAlchemy begins one.
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
            f"The upgrade was undone: {len(broken)} rows of {tables} would refer to rows that do not exist.",
            "The order store is as it was; report this message.",
        )


def _upgrade(connection: Connection, migrations: Migrations) -> None:
    from alembic import command  # noqa: PLC0415 takes 0.2 s to load
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(migrations.folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, migrations.head)


def _furnish(connection: Connection) -> None:
    drawn = {"token": secrets.token_hex(8), "payment_seed": secrets.token_hex(16)}
    connection.execute(insert(home).values(id=1, next_order_id=1, **drawn))
