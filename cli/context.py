"""What commands open: the settings of this process and the order store."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from orders_pipeline.settings import Settings
from resources.order_store import OrderStore


@contextmanager
def open_store(settings: Settings) -> Iterator[Engine]:
    """The order store of these settings, its tables of the current version."""
    with OrderStore(settings.store_url).open() as engine:
        yield engine


def actor() -> str:
    """Who runs this command, for the audit trail: the system's user, behind sudo the one before it."""
    before_sudo = os.environ.get("SUDO_USER") if os.getuid() == 0 else None
    try:
        return f"cli:{before_sudo or pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        # Containers run as users that the system has no name for.
        return f"cli:{os.getuid()}"
