"""What commands open: the settings of this process and the order store."""

from __future__ import annotations

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
