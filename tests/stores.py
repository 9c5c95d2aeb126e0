"""Order stores with tables of the current version: created once and copied, because migrations take long."""

from __future__ import annotations

import atexit
import secrets
import shutil
import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import Engine, event, update

from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.migrate import ensure_current
from orders_pipeline.store.schema import home
from tests.services import create_database

TEMPLATE = "template_orders"


def open_test_engine(url: str) -> Engine:
    """An engine that does not wait for the disk: a commit must survive a process, but no power failure."""
    engine = open_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda opened, _: opened.execute("PRAGMA synchronous = OFF"))
    return engine


def prepare_store(engine: Engine) -> None:
    """Upgrades a store to the current version; a missing SQLite store is copied."""
    file = engine.url.database
    if engine.dialect.name == "sqlite" and file and not Path(file).exists():
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_migrated_file(), file)
        _draw_secrets(engine)
    ensure_current(engine)


def create_migrated_database(server: str, name: str) -> str:
    """URL of a new database of a PostgreSQL server, with tables of the current version."""
    url = create_database(server, name, _migrated_database(server))
    engine = open_engine(url)
    _draw_secrets(engine)
    engine.dispose()
    return url


@cache
def _migrated_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="orders-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _migrate(f"sqlite:///{folder / 'orders.db'}")
    return folder / "orders.db"


@cache
def _migrated_database(server: str) -> str:
    _migrate(create_database(server, TEMPLATE))
    return TEMPLATE


def _migrate(url: str) -> None:
    engine = open_engine(url)
    ensure_current(engine)
    engine.dispose()


def _draw_secrets(engine: Engine) -> None:
    """Draws the random values that distinguish stores anew for each copy."""
    with engine.begin() as connection:
        connection.execute(
            update(home).values(token=secrets.token_hex(8), payment_seed=secrets.token_hex(16))
        )
