"""What commands open: the settings of this process and the order store."""

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
    """The order store of these settings, its tables of the current version."""
    if (file := _store_file(settings)) and settings.home in file.parents:
        # A store that lies deeper would make the home on its way, for everybody to enter.
        make_home(settings.home)
    with OrderStore(settings.store_url).open() as engine:
        yield engine


def is_store_made(settings: Settings) -> bool:
    """Whether there is something to read from: a SQLite store may not have been made yet."""
    file = _store_file(settings)
    return file is None or file.exists()


def _store_file(settings: Settings) -> Path | None:
    url = make_url(settings.store_url)
    return Path(url.database).resolve() if url.get_backend_name() == "sqlite" and url.database else None


def actor() -> str:
    """Who runs this command, for the audit trail: the system's user, behind sudo the one before it."""
    before_sudo = os.environ.get("SUDO_USER") if os.getuid() == 0 else None
    try:
        return f"cli:{before_sudo or pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        # Containers run as users that the system has no name for.
        return f"cli:{os.getuid()}"
