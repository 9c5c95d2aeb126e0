"""The order store as a Dagster resource."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Engine

from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.migrate import ensure_current
from orders_pipeline.store.revisions import OURS, Migrations, is_outdated, revision_of


@dataclass(frozen=True, slots=True)
class OrderStore:
    """Opens the order store; a plain object, so that no URL with a password shows in the Dagster UI."""

    url: str = field(repr=False)
    migrations: Migrations = OURS

    @contextmanager
    def open(self, *, older: bool = False) -> Iterator[Engine]:
        """An engine on tables of the current version, closed afterwards.

        Args:
            older: whether a store that has to be upgraded is opened as well, to be read.

        Raises:
            StoreRefused: the tables are older or newer than this code.
        """
        engine = open_engine(self.url)
        try:
            if not (older and is_outdated(revision_of(engine), self.migrations)):
                ensure_current(engine, self.migrations)
            yield engine
        finally:
            engine.dispose()
