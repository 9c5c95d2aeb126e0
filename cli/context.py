"""Opens the order store for commands and identifies the user who runs them."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import DBAPIError

from orders_pipeline.base.files.home import make_home
from orders_pipeline.base.settings import Settings
from orders_pipeline.store.conventions import require_conventions
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.known_store import require_known_store, require_present_store
from orders_pipeline.store.revisions import OURS, Migrations, require_current, revision_of
from resources.order_store import OrderStore


@contextmanager
def open_store(settings: Settings, *, older: bool = False) -> Iterator[Engine]:
    """Opens the order store in the settings; creates the tables of a new store.

    Args:
        older: whether to open a store that must be upgraded too, for reading.

    Raises:
        StoreRefused: the tables are older or newer than this code, or the store of this home is gone.
    """
    if (file := _store_file(settings)) and settings.home in file.parents:
        # Create the home first, with its permissions. Otherwise creating a store in it would make it readable
        # for all.
        make_home(settings.home)
    with OrderStore(settings.store_url, home=settings.home).open(older=older) as engine:
        yield engine


def is_store_made(settings: Settings) -> bool:
    """Whether the order store exists; a SQLite store is created by the first command that needs it."""
    file = _store_file(settings)
    return file is None or file.exists()


def require_usable_store(settings: Settings, migrations: Migrations = OURS) -> None:
    """Checks that this code can use the order store; a store that does not exist or answer is not an error.

    Raises:
        StoreRefused: the store is older or newer, or the store of this home is gone.
    """
    require_present_store(settings.store_url, settings.home)
    if not is_store_made(settings):
        return
    engine = open_engine(settings.store_url)
    try:
        with suppress(DBAPIError):
            require_known_store(engine, settings.home)
            require_current(revision_of(engine), migrations)
    finally:
        engine.dispose()


def require_same_conventions(settings: Settings) -> None:
    """Checks that time zone and currency are those of the store's orders, if the store answers.

    Raises:
        SettingsError: a setting differs.
    """
    if not is_store_made(settings):
        return
    engine = open_engine(settings.store_url)
    try:
        with suppress(DBAPIError):
            # Older tables do not have these columns.
            if revision_of(engine) == OURS.head:
                require_conventions(engine, settings)
    finally:
        engine.dispose()


def _store_file(settings: Settings) -> Path | None:
    url = make_url(settings.store_url)
    return Path(url.database).resolve() if url.get_backend_name() == "sqlite" and url.database else None


def actor() -> str:
    """Returns who runs this command, for the audit log: the system user; under sudo, the original user."""
    before_sudo = os.environ.get("SUDO_USER") if os.getuid() == 0 else None
    try:
        return f"cli:{before_sudo or pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        # In a container, the user may have no name.
        return f"cli:{os.getuid()}"
