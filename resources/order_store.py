"""The order store as a Dagster resource."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.known_store import remember_store, require_known_store
from orders_pipeline.store.migrate import ensure_current
from orders_pipeline.store.revisions import OURS, Migrations, is_outdated, revision_of


@dataclass(frozen=True, slots=True)
class OrderStore:
    """Opens the order store. A plain object, so that the Dagster UI shows no URL with a password.

    Args:
        home: the folder that remembers the store; without it, a lost store is not noticed.
    """

    url: str = field(repr=False)
    migrations: Migrations = OURS
    home: Path | None = None

    @contextmanager
    def open(self, *, older: bool = False) -> Iterator[Engine]:
        """An engine for a store of the current version. The context closes it.

        Args:
            older: whether to open a store that needs an upgrade as well, for reading.

        Raises:
            StoreRefused: the tables are older or newer than this code, or the store of the home is gone.
        """
        engine = open_engine(self.url)
        try:
            if self.home:
                require_known_store(engine, self.home)
            if not (older and is_outdated(revision_of(engine), self.migrations)):
                ensure_current(engine, self.migrations)
            if self.home:
                remember_store(engine, self.home)
            yield engine
        finally:
            engine.dispose()
