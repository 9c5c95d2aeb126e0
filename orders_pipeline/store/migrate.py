"""Brings the order store's tables to the version of this code."""

from __future__ import annotations

import secrets
from pathlib import Path

from sqlalchemy import Connection, Engine, func, insert, inspect, select, text

from orders_pipeline.store.schema import home

# The newest file in `migrations/versions`; alembic itself is loaded only where something is to be done.
HEAD = "0001"
MIGRATIONS = Path(__file__).parent / "migrations"


def ensure_current(engine: Engine) -> None:
    """Creates or upgrades the tables; safe when several processes start at once."""
    with engine.connect().execution_options(reads_only=True) as connection:
        if current_revision(connection) == HEAD:
            return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(0x0DE5)))
        _upgrade(connection)
        _furnish(connection)


def known_revisions() -> set[str]:
    """Every revision that this code can bring up to date."""
    return {path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py")}


def current_revision(connection: Connection) -> str | None:
    """The revision of the tables, or None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 takes 0.2 s to load
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _furnish(connection: Connection) -> None:
    if connection.execute(select(home.c.id)).first() is None:
        drawn = {"token": secrets.token_hex(8), "payment_seed": secrets.token_hex(16)}
        connection.execute(insert(home).values(id=1, next_order_id=1, **drawn))
