"""Opens the order store for commands and identifies the user who runs them."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, make_url

from orders_pipeline.base.home import make_home
from orders_pipeline.base.settings import Settings
from resources.order_store import OrderStore


@contextmanager
def open_store(settings: Settings) -> Iterator[Engine]:
    """Opens the order store of these settings and upgrades its tables if needed."""
    if (file := _store_file(settings)) and settings.home in file.parents:
        # Make the home first, with its permissions: making a store below it would make it readable for all.
        make_home(settings.home)
    with OrderStore(settings.store_url).open() as engine:
        yield engine


def is_store_made(settings: Settings) -> bool:
    """Whether the order store exists; a SQLite store is created by the first command that needs it."""
    file = _store_file(settings)
    return file is None or file.exists()


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
