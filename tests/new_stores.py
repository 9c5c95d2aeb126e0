"""New stores are created at once: to read and run all migrations takes a process ten times as long."""

from __future__ import annotations

from functools import cache

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from orders_pipeline.store import migrate
from orders_pipeline.store.revisions import OURS, Migrations, current_revision

_run_migrations = migrate._upgrade
# As alembic is without `create_at_once`.
read_always = ScriptDirectory.from_config


def create_at_once() -> None:
    """Lets this process, and those forked from it, create tables of SQLite and Dagster instances at once."""
    migrate._upgrade = _upgrade
    ScriptDirectory.from_config = _read_once  # type: ignore[method-assign]


def learn() -> None:
    """Reads all revisions, so that forked processes need not."""
    from dagster import DagsterInstance

    _statements()
    with DagsterInstance.ephemeral():
        pass


def _upgrade(connection: Connection, migrations: Migrations) -> None:
    is_new = connection.dialect.name == "sqlite" and current_revision(connection) is None
    if not is_new or migrations != OURS:
        _run_migrations(connection, migrations)
        return
    for statement in _statements():
        connection.exec_driver_sql(statement)


@cache
def _statements() -> list[str]:
    """The statements that create the tables as all migrations leave them."""
    with create_engine("sqlite://").begin() as connection:
        _run_migrations(connection, OURS)
        driver = connection.connection.driver_connection
        assert driver
        return [*driver.iterdump()][1:-1]  # without the transaction


def _read_once(config: Config) -> ScriptDirectory:
    folder = str(config.get_main_option("script_location"))
    return _of_package(folder) if folder.startswith("dagster") else read_always(config)


@cache
def _of_package(folder: str) -> ScriptDirectory:
    """The revisions of Dagster, which reads all eighty of them twice for each new instance."""
    config = Config()
    config.set_main_option("script_location", folder)
    return read_always(config)
